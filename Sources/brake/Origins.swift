import Artefacts
import System

/// What the records and references of a store say of its objects: who made them, who read them, what they are called.
struct Origins {
  private var origins: [Digest: [String]] = [:]

  /// - Parameter damaged: told of every record that cannot be read.
  init(of store: Store, damaged: (Failure) -> Void = { Output.note("warning: \($0)") }) throws {
    try self.init(of: store, records: store.records(damaged: damaged), damaged: damaged)
  }

  /// - Parameter records: all that the store has.
  init(
    of store: Store, records: [Record], damaged: (Failure) -> Void = { Output.note("warning: \($0)") }
  ) throws {
    for record in records {
      for output in record.outputs {
        let key = output.key.map { "[\($0)]" } ?? ""
        let doubt = record.doubt == nil ? "" : " (without a sandbox)"
        add("\(record.stage).\(output.name)\(key)\(doubt)", to: output.artefact.digest)
      }
      if let log = record.log { add("log of \(record.stage)", to: log) }
      for (text, name) in record.sources {
        if let digest = Digest(text) { add("source \(name)", to: digest) }
      }
    }
    for name in try store.references() {
      do {
        if let digest = try store.reference(name) { add("reference \(name)", to: digest) }
      } catch let error as Failure {
        damaged(error)
      }
    }
  }

  /// Sorted; empty for an artefact that was put and not used.
  subscript(digest: Digest) -> [String] { origins[digest, default: []].sorted() }

  private mutating func add(_ text: String, to digest: Digest) {
    if origins[digest]?.contains(text) != true { origins[digest, default: []].append(text) }
  }
}
