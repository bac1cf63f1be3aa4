internal import Actions
internal import System

/// The fonts that figures are drawn with as PDF and PNG: of the first family that the system has, and one more for signs that it lacks.
/// No other, so that drawings depend on these files alone.
struct Fonts: Sendable {
  /// All that look like Helvetica, the likeliest first: names of the upright and the slanted file without what follows the dot.
  private static let families = [
    ("Liberation Sans", ["LiberationSans-Regular", "LiberationSans-Italic"]),
    ("Nimbus Sans", ["NimbusSans-Regular", "NimbusSans-Italic"]),
    ("TeX Gyre Heros", ["texgyreheros-regular", "texgyreheros-italic"]),
    ("Arimo", ["Arimo-Regular", "Arimo-Italic"]),
    ("FreeSans", ["FreeSans", "FreeSansOblique"]),
    ("DejaVu Sans", ["DejaVuSans", "DejaVuSans-Oblique"]),
  ]
  private static let signs = ("DejaVu Sans", ["DejaVuSans", "DejaVuSans-Oblique"])
  private static let kinds = ["ttf", "otf"]
  /// Folders are looked at down to this depth, and no more entries than this.
  private static let (depth, most) = (6, 50_000)

  /// The first stands in for Helvetica, the next one for it.
  let families: [String]
  let files: [SystemFile]

  /// - Parameter roots: the folders in which systems keep fonts for all users.
  init(in roots: [String] = ["/usr/share/fonts", "/usr/local/share/fonts"]) {
    var places: [String: String] = [:]
    var left = Fonts.most
    for root in roots { Fonts.look(in: root, depth: Fonts.depth, &left, &places) }
    func file(_ name: String) -> SystemFile? {
      Fonts.kinds.lazy.map { "\(name).\($0)" }.compactMap { name in
        places[name].map { SystemFile(name: name, path: $0) }
      }.first
    }
    let all = Fonts.families.map { ($0.0, $0.1.compactMap(file)) }
    let first = all.first { $0.1.count == 2 }
    let more = (Fonts.signs.0, Fonts.signs.1.compactMap(file))
    let chosen = [first, more.1.isEmpty || more.0 == first?.0 ? nil : more].compactMap(\.self)
    families = chosen.map(\.0)
    files = chosen.flatMap(\.1)
  }

  private static func look(
    in folder: String, depth: Int, _ left: inout Int, _ places: inout [String: String]
  ) {
    let disk = LocalFileSystem()
    guard depth > 0, let names = try? disk.names(in: folder) else { return }
    for name in names.sorted() {
      left -= 1
      guard left > 0 else { return }
      let path = folder + "/" + name
      if kinds.contains(where: { name.hasSuffix("." + $0) }) {
        if places[name] == nil { places[name] = path }
      } else if (try? disk.status(path))??.isFolder == true {
        look(in: path, depth: depth - 1, &left, &places)
      }
    }
  }

  /// Writes settings of fontconfig by which there are no other fonts.
  ///
  /// - Parameter folder: for them and for what fontconfig remembers; made if it is not there.
  /// - Returns: the path of the settings; nil where no font was found, and the system's own settings have to do.
  func write(into folder: String) throws(Failure) -> String? {
    let path = folder + "/fonts.conf"
    guard let text = settings(cache: folder + "/fonts") else { return nil }
    let disk = LocalFileSystem()
    if try disk.status(folder) == nil { try disk.makeFolder(folder) }
    try disk.write(Array(text.utf8), to: path)
    return path
  }

  private func settings(cache: String) -> String? {
    guard !files.isEmpty else { return nil }
    func escaped(_ text: String) -> String { Markup.escaped(text) }
    let folders = Set(files.map { String($0.path[..<($0.path.lastIndex(of: "/") ?? $0.path.startIndex)]) })
    let accepted = files.map { "<glob>\(escaped($0.path))</glob>" }.joined()
    let families = families.map { "<family>\(escaped($0))</family>" }.joined()
    return """
      <?xml version="1.0"?>
      <!DOCTYPE fontconfig SYSTEM "fonts.dtd">
      <fontconfig>
      \(folders.sorted().map { "<dir>\(escaped($0))</dir>" }.joined(separator: "\n"))
      <cachedir>\(escaped(cache))</cachedir>
      <selectfont><rejectfont><glob>*</glob></rejectfont><acceptfont>\(accepted)</acceptfont></selectfont>
      <alias binding="same"><family>Helvetica</family><prefer>\(families)</prefer></alias>
      </fontconfig>

      """
  }
}
