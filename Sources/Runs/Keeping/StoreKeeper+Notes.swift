import Artefacts
import System

extension StoreKeeper {
  /// Notes what is about to be removed and a record names that is there, needed or not: in a segment it stays as long as most of that
  /// is. Forgets of what was noted what is there again, and what no record names any more, be it aside.
  func noteRemoved(
    _ graph: RecordGraph, _ named: Set<Digest>, _ leaving: Set<Digest>, namedAside: () throws -> Set<Digest>
  ) throws {
    let removed = try store.removedObjects()
    let back = try removed.subtracting(leaving).filter { try store.contains($0) }
    var over = removed.subtracting(leaving).subtracting(back).subtracting(named)
    if !over.isEmpty {
      over.subtract(try namedAside())
      // What a folder that has gone named is not known any more.
      let isComplete = try graph.named.allSatisfy { try $0.kind == .blob || store.contains($0.digest) }
      if !isComplete { over = [] }
    }
    over.formUnion(back)
    if over.isEmpty && leaving.isSubset(of: removed) { return }
    try store.noteRemoved(leaving) { !over.contains($0) }
    try store.noteGone(back.intersection(named))
  }

  /// What records name that are there, with what is in their folders, as far as these are there. A folder that is aside has
  /// its place again, since what is in it would not be known without it.
  func named(by graph: RecordGraph) throws -> Set<Digest> {
    let artefacts = graph.named
    var named = Set(artefacts.map(\.digest))
    for folder in Set(artefacts.lazy.filter { $0.kind == .tree }) {
      do { named.formUnion(try store.members(of: folder)) } catch let error as Failure where error.isLoss {}
    }
    return named
  }
}
