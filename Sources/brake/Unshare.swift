import ArgumentParser
import Artefacts
import JSON
import Remotes
import System

extension Brake {
  struct Unshare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "unshare",
      abstract: "Keep artefacts no longer because they were shared; without arguments, list those.",
      discussion: """
        What was sent with 'brake share' is kept here, since others may ask for it. With an artefact goes the list of how it was \
        made, and with a folder what was shared together with it. They stay until the next 'brake gc', and where they were sent \
        nothing changes. In a store to which others push this counts for what they have sent. \
        \(ArtefactArguments.help)
        """)

    @OptionGroup var pipeline: PipelineOptions
    @Flag(help: "Print an array of objects.") var json = false
    @OptionGroup var given: ArtefactArguments

    func run() async throws {
      let (store, digests) = try await given.opened(pipeline)
      let shared = try store.shared()
      if given.names.isEmpty { return try show(shared.sorted(), in: store) }
      if let other = digests.first(where: { !shared.contains($0) }) {
        throw Failure(.notFound, "\(other) is not shared", hint: "'brake unshare' lists what is")
      }
      try store.unshare(Set(digests), with: parts(of: Set(digests), among: shared, in: store))
      try show(digests, in: store)
    }

    /// What folders hold, and the lists of how artefacts were made.
    private func parts(of digests: Set<Digest>, among shared: Set<Digest>, in store: Store) -> Set<Digest> {
      var parts: Set<Digest> = []
      for digest in digests {
        // What is gone holds nothing any more.
        guard let artefact = try? store.artefact(digest) else { continue }
        if let members = try? store.members(of: artefact) { parts.formUnion(members) }
      }
      for digest in shared.subtracting(parts) {
        guard let bytes = try? store.bytes(of: digest, limit: LineageList.sizeLimit),
          let list = try? LineageList(bytes: bytes, digest: digest), digests.contains(list.artefact)
        else { continue }
        parts.insert(digest)
      }
      return parts
    }

    private func show(_ digests: [Digest], in store: Store) throws {
      let origins = try Origins(of: store)
      if json {
        return try Output.print(
          .array(
            digests.map { digest in
              [
                "digest": .string(digest.description),
                "origins": .array(origins[digest].map(JSON.string)),
              ]
            }))
      }
      var table = Table(.left, .left)
      for digest in digests { table.add(digest.description, origins[digest].first ?? "") }
      if !table.isEmpty { try Output.print(table.text()) }
    }
  }
}
