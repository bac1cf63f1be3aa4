import Actions
import ArgumentParser
import Artefacts
import JSON
import Runs
import Signing
import System

extension Brake {
  struct Sign: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "sign",
      abstract: "Sign what is recorded of targets with your SSH key.",
      discussion: """
        All that the targets need is signed with one signature (ssh-keygen -Y sign), by the key that the configuration \
        names: 'signing-key: FILE' in ~/.config/brake/config; one that ssh-agent has is asked for there. 'brake push', \
        'brake share' and 'brake bundle' do the same with what they send. Records that you have not computed here are left out: \
        'brake audit' computes some of them once more. See 'allowed-signers' and 'trust' in docs/sharing.md.
        """)

    @OptionGroup var pipeline: PipelineOptions
    @Option(
      help: ArgumentHelp(
        "Sign with this key: a file as ssh-keygen writes it (default: what is configured).", valueName: "file"
      ),
      completion: .file())
    var key: String?
    @Flag(help: "Sign records of others, too, and so give your word for them.") var others = false
    @Flag(help: "Print one object.") var json = false
    @OptionGroup var given: Targets

    func run() async throws {
      // What is left of the command line's folder is where a key is named from.
      let named = try key.map { try LocalFileSystem().realPath($0) ?? $0 }
      guard let key = try named ?? Configuration.read().signingKey else {
        throw Failure(
          .refused, "there is no key to sign with",
          hint:
            "write 'signing-key: ~/.ssh/id_ed25519' into \(Configuration.path ?? "BRAKE_CONFIG"), or give --key FILE"
        )
      }
      let engine = try pipeline.engine(given.overrides)
      let records = try await engine.recordedActions(targets: given.targets)
      let (own, foreign) = try OwnRecords.split(records, in: engine.store)
      let chosen = others ? records : own
      let count = try RecordSigner(key: key).sign(chosen, in: engine.store)
      let left = others ? 0 : foreign.count
      if json {
        return try Output.print([
          "signed": .integer(Int64(count)), "signed_before": .integer(Int64(chosen.count - count)),
          "others": .integer(Int64(left)),
        ])
      }
      try Output.print(
        "\(count) records signed" + (chosen.count > count ? ", \(chosen.count - count) were" : "")
          + (left == 0 ? "" : ", \(left) are not known to be yours and were left (--others signs them)"))
    }
  }
}

/// Which records this user has computed.
enum OwnRecords {
  static func split(_ records: [Record], in store: Store) throws -> (own: [Record], foreign: [Record]) {
    var seen: Set<Digest> = []
    let all = records.filter { seen.insert($0.key).inserted }
    let own = try all.filter { try Trust.everybody.standing(of: $0, in: store) == .own }
    let keys = Set(own.map(\.key))
    return (own, all.filter { !keys.contains($0.key) })
  }

  /// Signs what is to be sent of this user's, if a key is configured. Without one nothing is done.
  static func signIfConfigured(_ records: [Record], in store: Store) throws {
    guard let key = try Configuration.read().signingKey else { return }
    _ = try RecordSigner(key: key).sign(split(records, in: store).own, in: store)
  }
}
