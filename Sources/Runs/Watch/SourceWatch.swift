import Pipeline
import System

/// Waits until files change. Where the system tells of changes they are noticed at once, elsewhere within seconds: what
/// counts is what stands at the paths, whoever has written it.
public struct SourceWatch {
  private var paths: Set<String> = []
  private var known = FileSnapshot(of: [])
  private let notices = FolderNotices()

  /// Between two looks at whether the system has told of something.
  private static let pause = Duration.milliseconds(50)
  /// So long nothing may change before a change is taken as complete.
  private static let quiet = Duration.milliseconds(200)

  public init() {}

  /// Forgets what was watched, and remembers what stands at these paths now. To be called before they are read.
  public mutating func start(_ paths: some Sequence<String>) {
    self.paths = Set(paths)
    known = FileSnapshot(of: self.paths)
    notices.watch(known.folders)
  }

  /// Watches more, as it is now.
  public mutating func add(_ paths: some Sequence<String>) {
    let new = Set(paths).subtracting(self.paths)
    if new.isEmpty { return }
    self.paths.formUnion(new)
    known.formUnion(FileSnapshot(of: new))
    notices.watch(known.folders)
  }

  /// Returns once something has changed and then nothing has for a moment.
  /// - Returns: the paths at which something else stands, sorted.
  /// - Throws: if it is cancelled.
  public mutating func changes() async throws -> [String] {
    let clock = ContinuousClock()
    var nextLook = clock.now
    while true {
      if notices.take() || clock.now >= nextLook {
        let start = clock.now
        var now = FileSnapshot(of: paths)
        if now != known {
          while true {
            try await Task.sleep(for: SourceWatch.quiet)
            let later = FileSnapshot(of: paths)
            if later == now { break }
            now = later
          }
          _ = notices.take()
          let changes = now.changes(since: known)
          known = now
          if !changes.isEmpty { return changes }
        }
        // A look at very many files costs something.
        nextLook = clock.now + max(.seconds(1), (clock.now - start) * 20)
      }
      try await Task.sleep(for: SourceWatch.pause)
    }
  }
}

extension Engine {
  /// The files and folders that the targets read, as far as it is known by now which these are.
  ///
  /// - Parameter afterRun: whether records are asked for the keys of what is known only during a run.
  public func sources(targets: [String], afterRun: Bool) async throws -> [String] {
    try await withTaskExecutorPreference(TaskThreads.shared) {
      let plan = try afterRun ? Survey(self, targets: targets, keepsRecorded: false).plan : plan()
      return try plan.selection(targets).instances.flatMap { instance in
        instance.inputs.flatMap(\.source.files).map { $0.hasPrefix("/") ? $0 : root + "/" + $0 }
      }
    }
  }
}

extension InputSource {
  /// The files and folders of the workspace that it names.
  fileprivate var files: [String] {
    switch self {
    case .file(let path): [path]
    case .collection(let members): members.flatMap(\.source.files)
    case .artefact, .output, .members: []
    }
  }
}
