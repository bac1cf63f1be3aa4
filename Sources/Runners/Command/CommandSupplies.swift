import Actions
import Artefacts
import Synchronization
import System

/// What the commands of one runner share.
final class CommandSupplies: Sendable {
  /// Large inputs, each written once for all commands in a sandbox.
  let restored: RestoredInputs
  let images: UnpackedImages
  let graphics: GraphicsNumbers
  /// What commands find in their environment that are given no graphics processors of their own.
  let givenGraphics: GraphicsShare

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
    let given = ["CUDA_VISIBLE_DEVICES": visibleGraphics, GraphicsLocks.variable: graphicsLocks.given]
    givenGraphics = GraphicsShare(variables: given.compactMapValues(\.self))
    restored = RestoredInputs(of: store, budget: budget ?? RestoredInputs.usualBudget)
    images = UnpackedImages(store: store, restored: restored)
  }

  /// How many graphics processors an action is to have for itself; nil where nobody counts them.
  func count(for action: Action) -> Int? {
    guard case .command = action.work, !graphics.all.isEmpty else { return nil }
    return action.resources.gpus
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
