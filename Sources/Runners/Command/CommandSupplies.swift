import Artefacts
import Synchronization
import System

/// What the commands of one runner share.
final class CommandSupplies: Sendable {
  /// Large inputs, each written once for all commands in a sandbox.
  let restored: RestoredInputs
  let images: UnpackedImages
  let graphics: GraphicsNumbers
  /// What `CUDA_VISIBLE_DEVICES` is for commands that are given no graphics processors of their own; nil if it is not set.
  let visibleGraphics: String?

  private let store: Store
  private let places = Mutex<Places?>(nil)

  struct Places: Sendable {
    /// An empty folder that no command can write to: what is mounted over folders that are to be hidden.
    let void: String
    /// Where the store is, absolute and without links.
    let store: String
  }

  init(
    store: Store, budget: Int? = nil, graphics: [String] = Graphics.names,
    graphicsLocks: GraphicsLocks = .own, visibleGraphics: String? = Graphics.given
  ) {
    self.store = store
    self.graphics = GraphicsNumbers(graphics, locks: graphicsLocks)
    self.visibleGraphics = visibleGraphics
    restored = RestoredInputs(of: store, budget: budget ?? RestoredInputs.usualBudget)
    images = UnpackedImages(store: store, restored: restored)
  }

  func hidingPlaces() throws -> Places {
    try places.withLock { places in
      if let places { return places }
      let files = store.files
      guard let void = try files.realPath(store.temporaryFolder()), let root = try files.realPath(store.root)
      else { throw Failure(.notFound, "the store \(store.root) is gone") }
      let found = Places(void: void, store: root)
      places = found
      return found
    }
  }
}
