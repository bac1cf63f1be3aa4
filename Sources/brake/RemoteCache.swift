import ArgumentParser
import Artefacts
import Remotes
import Runs
import System

/// What a run takes from another place, and what it gives.
struct RemoteCache: ParsableArguments {
  enum Use: String, ExpressibleByArgument, CaseIterable {
    case read, write, off
  }

  @Option(
    name: .customLong("remote-cache"),
    help: ArgumentHelp(
      "Take what others have made and recorded there as hits, fetching no more than is read; with 'write' also send what this run has made (default: what brake's configuration says, else off).",
      valueName: "read|write|off"))
  var use: Use?

  @Option(help: ArgumentHelp("The place for --remote-cache, by name or address.", valueName: "remote"))
  var remote: String?

  var isUsed: Bool { use != nil && use != .off }

  func validate() throws {
    if remote != nil && !isUsed { throw ValidationError("--remote is for --remote-cache") }
  }

  /// What was asked for, or else is configured; nil for nothing.
  private func chosen(for store: Store) throws -> (use: Use, address: RemoteAddress)? {
    let names = RemoteNames(of: store)
    if let use { return use == .off ? nil : (use, try names.resolve(remote)) }
    guard let configured = try Configuration.read().remoteCache, configured.use != .off else { return nil }
    do { return (configured.use, try names.resolve(configured.remote)) } catch let error as Failure {
      // What is configured is for all stores, and not each of them has such a place.
      guard error.code == .notFound else { throw error }
      return nil
    }
  }

  /// Whether results may have to be sent, by what was asked for or else is configured.
  func maySend() throws -> Bool { try (use ?? Configuration.read().remoteCache?.use) == .write }

  /// The place, as something that a run asks. One that does not answer is told of once, and the run goes on without it.
  func sources(for store: Store) throws -> [any ArtefactSource] {
    guard let address = try chosen(for: store)?.address else { return [] }
    return [
      RemoteStore(try address.open(silence: RemoteCache.silence), scratch: store, isPatient: false) {
        Output.note("note: the run goes on without \(address): \($0)")
      }
    ]
  }

  /// Seconds for which a run waits for a web server that says next to nothing: it goes on without it then.
  private static let silence = 5

  /// Sends what is recorded of the targets now. That it cannot is no failure of the run.
  func send(_ engine: Engine, _ targets: [String]) async throws {
    do {
      guard let (use, address) = try chosen(for: engine.store), use == .write else { return }
      let records = try await engine.recordedActions(targets: targets)
      try OwnRecords.signIfConfigured(records, in: engine.store)
      var push = Push(artefacts: [], records: records)
      push.recorded = records.flatMap(\.artefacts)
      let progress = TransferProgress()
      let files = try address.open()
      let outcome = try await Transfer.run("sent", progress) { [push] in
        try await push.run(from: engine.store, to: files, progress: progress)
      }
      if outcome.objects + outcome.records > 0 {
        Output.note("\(outcome.objects) objects and \(outcome.records) records sent to \(address)")
      }
    } catch let error as Failure {
      Output.note("note: what this run has made was not sent: \(error)")
    }
  }
}
