import Actions
import Artefacts
import System

/// The inputs of a command in a sandbox: mounted at their places in its folder, read-only whatever their size.
///
/// Large ones are shared with other commands and other runs, and written once (`RestoredInputs`). The others are copied to
/// a folder of the command's own, where they and the mount points of the large ones stand as they do in the command's
/// folder. All that stages have made stands in `in/`, and takes one mount. The folders around inputs from the workspace
/// stay writable: each of those has a mount of its own, unless there are very many.
final class MountedInputs: Sendable {
  struct Mount: Sendable, Hashable {
    /// Where the bytes are.
    let source: String
    /// Relative to the folder of the command.
    let place: String
  }

  /// In the order of mounting.
  let mounts: [Mount]
  /// The inputs from the workspace.
  let sources: [Source]
  /// Holds the copies of small inputs, and mount points; empty if there are no inputs.
  let folder: String
  private let shared: [RestoredInput]
  /// Where the bytes of each are, by its place.
  private let paths: [String: String]
  private let files: any FileSystem

  /// Where the bytes are that stand at a place in the folder of the command.
  func path(of place: String) -> String? { paths[place] }

  struct Source: Sendable, Hashable {
    /// Where it stands, without links.
    let path: String
    /// Where the command's copy is.
    let copy: String
    /// What stands in `folder` for it: the copy itself, or a mount point.
    let standIn: String
  }

  /// - Throws: if they cannot be written there, or are not in the store.
  init(of run: CommandRun) throws {
    files = run.disk
    if run.members.isEmpty {
      (mounts, sources, shared, folder, paths) = ([], [], [], "", [:])
      return
    }
    let temporary = try run.store.temporaryFolder()
    // Mounts are made in another folder than brake's, to which the path of a store may be relative.
    var layout = Layout(run: run, folder: try run.disk.realPath(temporary) ?? temporary)
    do { try layout.place() } catch {
      run.disk.removeAll(temporary)
      throw error
    }
    mounts = layout.mounts
    sources = layout.sources
    shared = layout.shared
    folder = layout.folder
    paths = layout.paths
  }

  deinit { withExtendedLifetime(shared) { if !folder.isEmpty { files.removeAll(folder) } } }
}

private struct Layout {
  let run: CommandRun
  let folder: String
  var mounts: [MountedInputs.Mount] = []
  var sources: [MountedInputs.Source] = []
  var shared: [RestoredInput] = []
  var paths: [String: String] = [:]

  private var disk: any FileSystem { run.disk }

  /// Bytes from which on an input is shared.
  private static let large = 1 << 20
  /// Each keeps a file open.
  private static let mostShared = 32
  /// Each mount takes the longer the more there are.
  private static let mostMounts = 64

  init(run: CommandRun, folder: String) {
    self.run = run
    self.folder = folder
  }

  mutating func place() throws {
    let members = run.members
    let isApart = !run.action.outputs.contains { $0.place == "in" || $0.place.hasPrefix("in/") }
    func isInside(_ member: ActionInput.Member) -> Bool { isApart && member.place.hasPrefix("in/") }
    let single = members.count { !isInside($0) }

    if single < members.count {
      try disk.makeFolders(folder + "/in")
      try mount(folder + "/in", at: "in", isFolder: true)
    }
    for member in members {
      let copy = folder + "/" + member.place
      try disk.makeFolders(parentFolder(of: copy))
      if let input = try borrow(member) {
        try makePoint(copy, like: input.path)
        try isInside(member)
          ? mounts.append(.init(source: input.path, place: member.place))
          : mount(input.path, at: member.place, isFolder: disk.entry(input.path)?.isFolder == true)
        add(member, input.path)
        shared.append(input)
      } else if isInside(member) || single <= Layout.mostMounts {
        try run.write(member, to: copy)
        if !isInside(member) {
          try mount(copy, at: member.place, isFolder: disk.entry(copy)?.isFolder == true)
        }
        add(member, copy)
      } else {
        let path = run.scratch.work + "/" + member.place
        try disk.makeFolders(parentFolder(of: path))
        try run.write(member, to: path)
        try makePoint(copy, like: path)
        add(member, path)
      }
    }
  }

  /// The input where it is shared with others; nil if it is small or cannot be.
  private func borrow(_ member: ActionInput.Member) throws -> RestoredInput? {
    guard member.artefact.size >= Layout.large, shared.count < Layout.mostShared else { return nil }
    // A file may be the manifest of a folder.
    if case .workspace(_, let path) = member.origin, member.artefact.kind == .tree,
      try disk.status(path)?.isFolder != true
    {
      return nil
    }
    return try run.supplies.restored.borrow(member.artefact, executable: member.isExecutable) {
      try run.write(member, to: $0)
    }
  }

  private mutating func mount(_ source: String, at place: String, isFolder: Bool) throws {
    let point = run.scratch.work + "/" + place
    try disk.makeFolders(parentFolder(of: point))
    try isFolder ? disk.makeFolder(point) : disk.write([], to: point)
    mounts.append(.init(source: source, place: place))
  }

  private func makePoint(_ path: String, like source: String) throws {
    try disk.entry(source)?.isFolder == true ? disk.makeFolder(path) : disk.write([], to: path)
  }

  private mutating func add(_ member: ActionInput.Member, _ copy: String) {
    paths[member.place] = copy
    guard case .workspace(_, let path) = member.origin, let real = try? disk.realPath(path) else { return }
    sources.append(.init(path: real, copy: copy, standIn: folder + "/" + member.place))
  }
}
