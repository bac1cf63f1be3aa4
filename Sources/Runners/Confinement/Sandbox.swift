import Actions
import Glibc
import Synchronization
import System

/// What a command can see: bubblewrap, where it works, gives it the machine without the workspace.
///
/// - Its folder is `/media/brake/work`, `$TMPDIR` is `/media/brake/tmp`: the same on every machine that has `/media`.
/// - Of the workspace it can read what it declares, in its own folder and, read-only, where it stands. Other files that are
///   there when it starts cannot be read, folders are empty and cannot be written to. So a command that reads what it did
///   not declare fails, instead of giving a result that its key does not name.
/// - A new file in the workspace, or one that is added to, is not refused: logs and notes for people are no inputs.
/// - It has process numbers of its own, and all that it starts ends with it and with brake. It has no network unless
///   its stage declares `network: true`.
///
/// What stands outside the workspace can be read: programs, libraries, caches. It is not a protection against commands
/// that mean harm.
struct Sandbox: Sendable {
  /// bubblewrap's.
  let program: String
  /// The workspace, absolute, without links. Nil where nothing can be hidden, since it is all there is.
  let workspace: String?

  /// Where the scratch folder of a command is mounted.
  var folder: String { Sandbox.host + "/brake" }

  /// Where a command finds what an earlier attempt had saved.
  var resume: String { folder + "/resume" }

  private static let disk = LocalFileSystem()

  /// A folder that every machine has and that hardly holds anything: a mount point can be made in a copy of it.
  static let host =
    ["/media", "/mnt", "/srv"].first { (try? disk.entry($0))?.isFolder == true } ?? "/media"

  /// What covers one file of the workspace: as long as the file and made of nothing, so that what a command adds to it
  /// can be told from what it writes anew; it can be written and not be read.
  struct Cover: Sendable {
    let path: String
    let file: String
    let size: Int
  }

  /// bubblewrap for the commands of a workspace, or why there is none. Looked for once in a process.
  /// - Parameter memory: of whether it works.
  static func found(workspace: String, memory: SandboxMemory? = nil) -> Result<Sandbox, Unavailable> {
    availability.withLock { known in
      if known == nil { known = probe(memory) }
      return known!
    }.map { Sandbox(program: $0, workspace: hidable(workspace)) }
  }

  struct Unavailable: Error { let reason: String }

  private static let availability = Mutex<Result<String, Unavailable>?>(nil)

  private static func probe(_ memory: SandboxMemory?) -> Result<String, Unavailable> {
    guard let program = ProgramPath.find("bwrap") else {
      return .failure(Unavailable(reason: "bubblewrap is not installed (apt-get install bubblewrap)"))
    }
    let line =
      [program] + machine() + ["--unshare-pid", "--unshare-net", "--", "/bin/sh", "-c", ":"]
    if memory?.knows(line) == true { return .success(program) }
    let quoted = line.map(ShellText.quoted).joined(separator: " ")
    guard let pipe = popen("exec 2>&1 </dev/null; \(quoted)", "re") else {
      return .failure(Unavailable(reason: "bubblewrap cannot be started"))
    }
    var buffer = [UInt8](repeating: 0, count: 400)
    let count = fread(&buffer, 1, buffer.count, pipe)
    let text = String(decoding: buffer[..<count], as: UTF8.self)
    if pclose(pipe) == 0 {
      memory?.remember(line)
      return .success(program)
    }
    let said = text.split(whereSeparator: \.isNewline).last.map(String.init) ?? "it does not say why"
    return .failure(Unavailable(reason: "bubblewrap does not work here: \(said)"))
  }

  /// Whether it was bubblewrap that failed, and nothing in it, by what was printed.
  static func hasFailed(_ scratch: Scratch) -> Bool {
    let printed = (try? scratch.files.end(of: scratch.log, limit: 1 << 12)) ?? nil
    let lines = String(decoding: printed ?? [], as: UTF8.self).split(whereSeparator: \.isNewline)
    return lines.contains { $0.hasPrefix("bwrap: ") }
  }

  private static func hidable(_ workspace: String) -> String? {
    guard let real = try? disk.realPath(workspace), real != "/" else { return nil }
    return real
  }

  /// Everything there is, with a folder to which a mount point can be added. (Every mount costs time: there are few.)
  private static func machine() -> [String] {
    var options = ["--dev-bind", "/", "/", "--proc", "/proc", "--tmpfs", host]
    for name in (try? disk.names(in: host)) ?? [] {
      let path = host + "/" + name
      guard let status = try? disk.entry(path) else { continue }
      if status.isLink {
        options += ["--symlink", (try? disk.target(ofLink: path)) ?? "", path]
      } else {
        options += ["--dev-bind", path, path]
      }
    }
    return options
  }

  /// The command line that runs a command in the sandbox.
  ///
  /// - Parameters:
  ///   - scratch: becomes `folder`.
  ///   - resume: a folder that it can read there, if any.
  ///   - python: the folder of a Python environment that it can read where it stands, without links.
  ///   - places: also the store is hidden: nothing that a command does may change what others share.
  /// - Returns: also what was put over files of the workspace, for `bringBack`.
  func arguments(
    around command: [String], scratch: Scratch, inputs: MountedInputs, resume: String? = nil,
    python: String? = nil, hiding places: CommandSupplies.Places, network: Bool
  ) throws -> (line: [String], covers: [Cover]) {
    var options = Sandbox.machine()
    var covers: [Cover] = []
    var visible: Set<String> = []
    if let workspace {
      let entries = try scratch.files.names(in: workspace)
      visible = Sandbox.programFolders(in: workspace, with: entries)
      options += try hiding(
        entries.filter { !visible.contains($0) }, of: workspace, visible, scratch, inputs, python,
        places.void,
        &covers)
    }
    if !isHidden(places.store, visible) {
      if let python, isWithin(python, places.store) {
        options += ["--tmpfs", places.store, "--ro-bind", python, python, "--remount-ro", places.store]
      } else {
        options += ["--ro-bind", places.void, places.store]
      }
    }
    if let python, !isHidden(python, visible) { options += ["--ro-bind", python, python] }
    options += try inside(scratch, inputs, resume: resume, network: network)
    return ([program] + options + ["--"] + command, covers)
  }

  /// What commands have of their own, whatever else they see.
  func inside(
    _ scratch: Scratch, _ inputs: MountedInputs, resume: String?, network: Bool
  ) throws -> [String] {
    var options = ["--bind", scratch.path, folder]
    for mount in inputs.mounts { options += ["--ro-bind", mount.source, "\(folder)/work/\(mount.place)"] }
    if let resume {
      try scratch.files.makeFolders(scratch.path + "/resume")
      options += ["--ro-bind", resume, self.resume]
    }
    options += ["--chdir", folder + "/work", "--unshare-pid", "--die-with-parent"]
    if !network { options.append("--unshare-net") }
    if geteuid() == 0 { options += Sandbox.refused.flatMap { ["--cap-drop", $0] } }
    return options
  }

  /// Whether the machine itself has a folder there, and no link.
  func isFolder(_ path: String) -> Bool { (try? Sandbox.disk.entry(path))?.isFolder == true }

  /// Root could read what its owner may not, make writable again what is mounted read-only, and make devices that stand for whole disks.
  private static let refused = ["CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN", "CAP_MKNOD"]

  /// Whether a folder is hidden with the workspace, or is all there is.
  private func isHidden(_ store: String, _ visible: Set<String>) -> Bool {
    guard let workspace else { return store == "/" }
    if workspace == store || workspace.hasPrefix(store + "/") { return true }
    guard store.hasPrefix(workspace + "/") else { return false }
    return !visible.contains { isWithin(store, workspace + "/" + $0) }
  }

  private func hiding(
    _ entries: [String], of workspace: String, _ visible: Set<String>, _ scratch: Scratch,
    _ inputs: MountedInputs, _ python: String?, _ void: String, _ covers: inout [Cover]
  ) throws -> [String] {
    let files = scratch.files
    let shown = python.map { [MountedInputs.Source(path: $0, copy: $0, standIn: $0)] } ?? []
    let inside = (inputs.sources + shown).filter { input in
      input.path.hasPrefix(workspace + "/")
        && !visible.contains { isWithin(input.path, workspace + "/" + $0) }
    }
    if entries.count > Sandbox.mostCovered {
      return ["--tmpfs", workspace] + inside.flatMap { ["--ro-bind", $0.copy, $0.path] }
        + visible.sorted().flatMap { ["--bind", "\(workspace)/\($0)", "\(workspace)/\($0)"] }
        + ["--remount-ro", workspace]
    }
    var options: [String] = []
    for (number, name) in entries.enumerated() {
      let path = workspace + "/" + name
      let here = inside.filter { isWithin($0.path, path) }
      if let whole = here.first(where: { $0.path == path }) {
        options += ["--ro-bind", whole.copy, path]
        continue
      }
      // A link shows what it leads to, which is hidden where it stands if it stands in the workspace.
      guard let status = try files.entry(path), status.isFolder || status.isFile else { continue }
      if status.isFile {
        let cover = Cover(path: path, file: "\(scratch.path)/covers/\(number)", size: Int(status.size))
        if covers.isEmpty { try files.makeFolders(scratch.path + "/covers") }
        try cover.make(files)
        covers.append(cover)
        options += ["--bind", cover.file, path]
      } else if here.isEmpty {
        options += ["--ro-bind", void, path]
      } else if here.allSatisfy({ $0.standIn == inputs.folder + $0.path.dropFirst(workspace.utf8.count) }) {
        options += ["--ro-bind", inputs.folder + "/" + name, path]
        for input in here where input.copy != input.standIn {
          options += ["--ro-bind", input.copy, input.path]
        }
      } else {
        options +=
          ["--tmpfs", path] + here.flatMap { ["--ro-bind", $0.copy, $0.path] } + ["--remount-ro", path]
      }
    }
    return options
  }

  private func isWithin(_ path: String, _ folder: String) -> Bool {
    path == folder || path.hasPrefix(folder + "/")
  }

  /// The entries of the workspace that are no data: those that PATH leads into, such as `.venv`, and where it is or holds
  /// the user's home, what programs keep there: `.cache`, `.local`, the home itself.
  ///
  /// They are found out once for what stands in the workspace: that takes longer than a mount.
  private static func programFolders(in workspace: String, with entries: [String]) -> Set<String> {
    let place = Place(workspace: workspace, entries: entries)
    if let known = known.withLock({ $0?.0 == place ? $0?.1 : nil }) { return known }
    let found = programFolders(in: workspace)
    known.withLock { $0 = (place, found) }
    return found
  }

  private struct Place: Hashable {
    let workspace: String
    let entries: [String]
  }

  private static let known = Mutex<(Place, Set<String>)?>(nil)

  private static func programFolders(in workspace: String) -> Set<String> {
    func entry(_ path: String) -> String? {
      guard let real = try? disk.realPath(path), real.hasPrefix(workspace + "/") else { return nil }
      return real.dropFirst(workspace.utf8.count + 1).split(separator: "/").first.map(String.init)
    }
    let folders = getenv("PATH").map { String(cString: $0) } ?? ""
    var visible = Set(folders.split(separator: ":").compactMap { entry(String($0)) })
    let home = getenv("HOME").map { String(cString: $0) } ?? "/root"
    if let inside = entry(home) { visible.insert(inside) }
    if (try? disk.realPath(home)) == workspace {
      visible.formUnion(((try? disk.names(in: workspace)) ?? []).filter { $0.hasPrefix(".") })
    }
    return visible
  }
}

extension Sandbox.Cover {
  fileprivate func make(_ files: any FileSystem) throws {
    let cover = try files.create(file, mode: 0o200)
    defer { try? files.close(cover, path: file) }
    try files.resize(cover, to: size, path: file)
  }

  /// Does to the file in the workspace what a command did to its cover: adds what was added, or writes it anew.
  func bringBack(_ files: any FileSystem) throws {
    guard let status = try files.entry(file) else { throw Failure.system("look at", file, ENOENT) }
    let length = Int(status.size)
    if length == size && !status.takesRoom { return }
    try files.setMode(file, to: 0o600)
    let from = try InputFile(file, followingLinks: false, files: files)
    let isAdded = try length >= size && (size == 0 || from.bytes(at: 0, count: 1) == [0])
    let added = (isAdded ? size : 0)..<length
    if isAdded {
      try files.append(added, of: from, to: path)
    } else {
      try files.write([], to: path)
      try files.append(added, of: from, to: path)
    }
  }
}

extension Sandbox {
  /// The files and folders of the workspace that a text names, as in `cat: data.txt: No such file or directory`, and that
  /// a command in this folder cannot see.
  func hiddenFiles(namedIn text: String, from folder: String) -> [String] {
    guard let workspace else { return [] }
    var found: [String] = []
    for word in Sandbox.words(of: text) {
      var name = word
      if name.hasPrefix(workspace + "/") { name = String(name.dropFirst(workspace.utf8.count + 1)) }
      if name.hasPrefix("./") { name = String(name.dropFirst(2)) }
      guard !name.isEmpty, !name.hasPrefix("/"), !name.hasPrefix(".."), name.utf8.count < 1000,
        !found.contains(name), exists("\(workspace)/\(name)"), !exists("\(folder)/\(name)")
      else { continue }
      found.append(name)
    }
    return found
  }

  private func exists(_ path: String) -> Bool { (try? Sandbox.disk.entry(path)) != nil }

  /// Words, and what stands between quotation marks, without the punctuation behind them.
  private static func words(of text: String) -> [String] {
    let marks: Set<Character> = ["'", "\"", "`", "‘", "’"]
    let quoted = text.split(whereSeparator: { marks.contains($0) || $0.isNewline }).map(String.init)
    let plain = text.split(whereSeparator: { $0.isWhitespace || marks.contains($0) }).map(String.init)
    return (plain + quoted).map { word in
      String(word.reversed().drop { ":,;.)".contains($0) }.reversed().drop { $0 == "(" })
    }.filter { $0.contains("/") || $0.contains(".") }
  }
}
