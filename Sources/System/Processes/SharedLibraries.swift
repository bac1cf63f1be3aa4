internal import Glibc

/// The libraries that a program's process is made of, apart from those that it loads by itself when it runs.
package enum SharedLibraries {
  package struct Library: Hashable, Sendable {
    /// As programs ask for it: `libcairo.so.2`.
    package let name: String
    package let path: String
  }

  private static let most = 4096

  /// All that the loader finds for an executable, and for them, sorted by name. Found as it does: in LD_LIBRARY_PATH, in the folders
  /// that the file names, in its cache, in the system's folders. None for a script or a program that is linked statically.
  package static func of(
    _ program: String, files: any FileSystem = LocalFileSystem(), cache: String = "/etc/ld.so.cache"
  ) -> [Library] {
    let cache = LoaderCache(at: cache, files: files)
    let given = getenv("LD_LIBRARY_PATH").map { String(cString: $0) } ?? ""
    let first = given.split(separator: ":").map(String.init)
    let system = ["/lib64", "/usr/lib64", "/lib", "/usr/lib"]
    var found: [String: Library] = [:]
    guard let own = DynamicSection(of: (try? files.realPath(program)) ?? program, files: files) else {
      return []
    }
    var left = [own]
    while let section = left.popLast(), found.count < most {
      for name in section.needed where found[name] == nil {
        let folders = name.contains("/") ? [] : first + section.folders
        let places =
          folders.map { "\($0)/\(name)" } + (name.contains("/") ? [name] : cache[name])
          + system.map { "\($0)/\(name)" }
        for place in places {
          let path = (try? files.realPath(place)) ?? place
          guard let library = DynamicSection(of: path, files: files), library.machine == own.machine else {
            continue
          }
          found[name] = Library(name: name, path: place)
          left.append(library)
          break
        }
      }
    }
    return found.values.sorted { $0.name < $1.name }
  }
}
