import System

/// The file system of an image while it is put together: a folder out of which nothing leads. Whatever a layer names is looked for part
/// by part, and a link leads to where it would lead if the folder were the root of all.
struct ImageRoot {
  let path: String
  let files: any FileSystem
  private let steps: ImageSteps

  private static let mostLinks = 40
  /// Folders in folders.
  private static let mostDepth = 256

  /// What each entry of an image adds to its steps.
  private static let stepsOfEntry = 64

  /// - Parameter mostSteps: parts of paths that are looked at in all, of which those deep in folders count several times, as they take
  ///   the kernel longer: a few bytes of names and links lead over very many.
  init(path: String, files: any FileSystem, mostSteps: Int) {
    self.path = path
    self.files = files
    steps = ImageSteps(mostSteps)
  }

  /// There is another entry, the path of which has some parts.
  func allowEntry() { steps.allow(ImageRoot.stepsOfEntry) }

  /// Where something stands on the disk: the last that is done before the kernel gets it.
  func path(_ parts: [String]) throws -> String {
    if let part = parts.first(where: { !ImagePath.isName($0) }) {
      throw ImageFault.refused("a file called \(part.debugDescription)")
    }
    return ([path] + parts).joined(separator: "/")
  }

  /// The folder in which the last part of a path stands, without links on the way to it.
  ///
  /// - Parameter making: what the folders that are missing, and then are made, count against; nil if none are made.
  /// - Returns: nil if there is none.
  func folder(of parts: [String], making: ImageAllowance? = nil) throws -> [String]? {
    var done: [String] = []
    var open = Array(parts.dropLast().reversed())
    var links = 0
    while let part = open.popLast() {
      try steps.take(1 + done.count / 8)
      guard done.count < ImageRoot.mostDepth else {
        throw ImageFault.refused("folders more than \(ImageRoot.mostDepth) deep")
      }
      if part == ".." {
        _ = done.popLast()
        continue
      }
      let here = try path(done + [part])
      guard let status = try files.entry(here) else {
        guard let making else { return nil }
        try making.takeFolder()
        try files.makeFolder(here)
        try files.setMode(here, to: 0o755)
        done.append(part)
        continue
      }
      if status.isFolder {
        done.append(part)
      } else if status.isLink, let target = try files.target(ofLink: here) {
        links += 1
        guard links <= ImageRoot.mostLinks else { throw ImageFault.refused("links that lead in a circle") }
        if ImagePath.isAbsolute(target) { done = [] }
        open += ImagePath.names(target).reversed()
      } else {
        guard making != nil else { return nil }
        throw ImageFault.malformed(
          "'\(parts.joined(separator: "/"))' stands in something that is no folder")
      }
    }
    return done
  }

  /// Where a path leads, with links followed to the end; nil if nothing is there.
  func resolved(_ parts: [String]) throws -> [String]? {
    try folder(of: parts + [""]) ?? file(parts)
  }

  private func file(_ parts: [String]) throws -> [String]? {
    var parts = parts
    for _ in 0..<ImageRoot.mostLinks {
      guard let name = parts.last, let folder = try folder(of: parts) else { return nil }
      if name == ".." { return nil }
      let here = try path(folder + [name])
      guard let status = try files.entry(here) else { return nil }
      guard status.isLink, let target = try files.target(ofLink: here) else { return folder + [name] }
      parts = (ImagePath.isAbsolute(target) ? [] : folder) + ImagePath.names(target)
    }
    return nil
  }

  /// Makes sure that a folder stands directly under the root, and no link that leads elsewhere.
  func makeMountPoint(_ name: String) throws {
    let here = try path([name])
    if try files.entry(here)?.isFolder == true { return }
    files.removeAll(here)
    try files.makeFolder(here)
    try files.setMode(here, to: 0o755)
  }

  /// The same with a file in such a folder.
  func makeMountPoint(_ name: String, in folder: String) throws {
    let here = try path([folder, name])
    if try files.entry(here)?.isFile == true { return }
    files.removeAll(here)
    try files.writeFile(here, mode: 0o644) { _ in }
  }
}

/// How many parts of paths may still be looked at.
private final class ImageSteps {
  private var left: Int

  init(_ most: Int) { left = most }

  func allow(_ more: Int) { left += more }

  func take(_ count: Int) throws {
    left -= count
    guard left >= 0 else { throw ImageFault.refused("names and links that lead on and on") }
  }
}
