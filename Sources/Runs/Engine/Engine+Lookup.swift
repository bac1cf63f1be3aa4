import Actions
import Artefacts
import Pipeline
import System

extension Engine {
  /// A record that is damaged or not believed is none; one of a newer brake is an error, since it is not to be replaced.
  func lookup(_ action: Action) throws -> Lookup {
    let found = try lookupHere(action)
    return borrowed?.completing(found, of: action.key) ?? found
  }

  private func lookupHere(_ action: Action) throws -> Lookup {
    do {
      guard let record = try store.record(action.key) else { return try told(action) }
      if let fault = action.fault(in: record.outputs) { return .distrusted(fault) }
      if let refusal = try trust.refusal(of: record, in: store) { return .distrusted(refusal) }
      if try record.outputs.allSatisfy({ try store.isWhole($0.artefact) }) { return .hit(record) }
      guard try store.wasRemoved(record.outputs.lazy.map(\.artefact)) else { return .lost(record) }
      // Who wants to find out whether it is true needs nothing of it.
      return heedsTold && isTold(record) ? .hit(record) : .removed(record)
    } catch let error as Failure where error.code == .damaged {
      return .miss
    } catch let error as Failure where error.code == .refused {
      return .distrusted(error.headline)
    }
  }
}

extension Engine {
  /// What only others say of an action, for who wants to find out whether it is true: nothing of it need be in the store.
  private func told(_ action: Action) throws -> Lookup {
    guard heedsTold, let record = try store.toldRecord(action.key), action.fault(in: record.outputs) == nil
    else { return .miss }
    return .hit(record)
  }
}

extension Action {
  /// What is wrong with recorded outputs; nil if they are those that the stage declares. A record may come from anyone.
  func fault(in recorded: [Record.Output]) -> String? {
    let declared = Dictionary(outputs.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var seen: Set<KeyedOutput> = []
    for output in recorded {
      guard let declaration = declared[output.name] else {
        return "its record has an output '\(output.name)', which it does not declare"
      }
      guard declaration.keyed == (output.key != nil) else {
        return "its record has '\(output.name)' \(declaration.keyed ? "without a key" : "with keys")"
      }
      if let key = output.key, (try? MemberKey.check(key, of: output.name)) == nil {
        return "a key of '\(output.name)' in its record cannot be one"
      }
      guard seen.insert(KeyedOutput(instance: output.key ?? "", output: output.name)).inserted else {
        return "its record has '\(output.name)' twice"
      }
    }
    for output in outputs {
      let keys = recorded.filter { $0.name == output.name }.compactMap(\.key)
      if !output.keyed, !recorded.contains(where: { $0.name == output.name }) {
        return "its record lacks the output '\(output.name)'"
      }
      if case .operation(let operation, let parameters) = work,
        let known = operation.keys(of: output.name, parameters), Set(known) != Set(keys)
      {
        return "its record has other members of '\(output.name)'"
      }
    }
    return nil
  }
}
