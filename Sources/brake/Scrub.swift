import ArgumentParser
import Artefacts
import JSON
import System

extension Brake {
  struct Scrub: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "scrub",
      abstract: "Verify a part of the store, and the next part the next time.",
      discussion: """
        For cron: every call goes on where the last one ended, so that in time everything is read and checked, what nobody \
        has looked at for longest first. It ends with the artefact at which the budget is used up; that is read to its end. \
        What is found is told, and treated, as by 'brake verify', and the exit status is then 2. Ctrl-C keeps the place.
        """)

    @OptionGroup var workspace: Workspace
    @Option(
      help: ArgumentHelp(
        "Bytes to read, such as 500M or 20G (default: 1G, unless there is --time).", valueName: "amount"))
    var budget: String?
    @Option(help: ArgumentHelp("How long to read, such as 45s, 10m or 2h.", valueName: "duration"))
    var time: String?
    @Flag(help: "Print one object: the number checked, what is wrong, and how far it has come.") var json =
      false

    func validate() throws { _ = try limits }

    /// Bytes, and seconds.
    private var limits: (bytes: Int, seconds: Double) {
      get throws {
        var limits = (bytes: time == nil ? 1 << 30 : Int.max, seconds: Double.infinity)
        if let budget {
          guard let bytes = ByteAmount.bytes(budget) else {
            throw ValidationError("--budget takes an amount such as 500M or 20G, not '\(budget)'")
          }
          limits.bytes = bytes
        }
        if let time {
          guard let unit = ["s": 1.0, "m": 60, "h": 3600][time.suffix(1)], let count = Int(time.dropLast()),
            1...1_000_000 ~= count
          else { throw ValidationError("--time takes a duration such as 45s, 10m or 2h, not '\(time)'") }
          limits.seconds = unit * Double(count)
        }
        return limits
      }
    }

    func run() async throws {
      try workspace.enter()
      let store = try workspace.open()
      let outcome: Outcome
      do {
        outcome = try await Interruption.cancelling { [self] in try scrub(store) }
      } catch let interruption as Interruption {
        Output.note("\(interruption); the next call goes on from there")
        throw ExitCode(128 + interruption.signal)
      }
      try json ? Output.print(outcome.json) : Output.print(outcome.text)
      if !outcome.tally.isSound { throw ExitCode(2) }
    }

    private func scrub(_ store: Store) throws -> Outcome {
      let limits = try limits
      let damagedSegments = try store.damagedSegments()
      var queue = try ScrubQueue(of: store)
      var outcome = Outcome(tally: Tally(total: queue.total), bytes: 0, queue: queue)
      for error in damagedSegments { outcome.tally.check("a segment") { throw error } }
      let start = SystemTime.monotonic()
      var saved = start
      while outcome.bytes < limits.bytes, !Task.isCancelled, let item = queue.next() {
        check(item, of: store, &outcome)
        let now = SystemTime.monotonic()
        // Who is killed begins again not far back.
        if now - saved > 5_000_000_000 {
          outcome.keepPlace(of: queue)
          saved = now
        }
        if Double(now - start) / 1e9 >= limits.seconds { break }
      }
      outcome.tally.end()
      outcome.keepPlace(of: queue)
      if let trouble = outcome.trouble {
        Output.note(
          "warning: the next call begins where this one began, since its place cannot be kept: \(trouble)")
      }
      try Task.checkCancellation()
      outcome.queue = queue
      return outcome
    }

    private func check(_ item: ScrubQueue.Item, of store: Store, _ outcome: inout Outcome) {
      switch item {
      case .object(let digest):
        var size = 0
        outcome.tally.check(digest.description, digest) {
          size = try store.sizeOfObject(digest)
          _ = try store.verifyAlone(digest)
        }
        outcome.bytes += size
      case .record(let key):
        var found: (Record, [Loss])?
        outcome.tally.check("the record \(key)") {
          if let record = try store.record(key) { found = (record, try store.losses(of: record)) }
        }
        if let (record, losses) = found { outcome.tally.note(losses, of: record, in: store) }
      }
    }

    private struct Outcome {
      var tally: Tally
      var bytes: Int
      var queue: ScrubQueue
      /// What keeps the place from being noted, such as a store that may only be read.
      private(set) var trouble: String?

      init(tally: Tally, bytes: Int, queue: ScrubQueue) {
        (self.tally, self.bytes, self.queue) = (tally, bytes, queue)
      }

      mutating func keepPlace(of queue: ScrubQueue) {
        do { try queue.save() } catch { trouble = (error as? Failure)?.headline ?? "\(error)" }
      }

      var text: String {
        "\(tally.summary); \(byteCount(bytes)) read, \(queue.passed) of \(queue.total) done in this round"
      }

      var json: JSON {
        var members = tally.json.object ?? [:]
        members["bytes"] = .integer(Int64(bytes))
        members["passed"] = .integer(Int64(queue.passed))
        members["total"] = .integer(Int64(queue.total))
        return .object(members)
      }
    }
  }
}
