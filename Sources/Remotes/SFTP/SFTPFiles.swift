import Artefacts
import Synchronization
import System

/// A store on a machine that is reached by ssh and has no brake: its files, by SFTP.
public final class SFTPFiles: RemoteFiles {
  public let name: String
  private let command: [String]
  /// Seconds without a word after which the server is given up.
  let patience: Int
  let root: String
  private let talk: Mutex<SFTPSession?> = Mutex(nil)

  /// Files that are asked for at once.
  private static let batch = 64

  /// - Parameters:
  ///   - command: a program and its arguments, which talks to a server of SFTP.
  ///   - root: the store's folder; a relative one begins where the server puts who comes in.
  init(_ command: [String], root: String, name: String, patience: Int = PipeFiles.patience) {
    self.command = command
    self.patience = patience
    self.root = root
    self.name = name
  }

  public func present(among paths: [String]) async throws -> Set<String> {
    try await talking { session in
      var present: Set<String> = []
      try session.ask(paths.count, { SFTPPacket(.status, path: self.place(paths[$0])) }) { index, answer in
        switch try session.value(.attributes, answer, { $0.number(UInt32.self) }) {
        case .success: present.insert(paths[index])
        case .failure(let refusal):
          guard refusal.status.code == SFTPStatus.noSuchFile else {
            throw session.refusal(refusal.status, paths[index])
          }
        }
      }
      return present
    }
  }

  public func read(_ landings: [Landing]) async throws {
    for start in stride(from: 0, to: landings.count, by: SFTPFiles.batch) {
      let batch = Array(landings[start..<min(start + SFTPFiles.batch, landings.count)])
      try await talking { session in try SFTPReading(session, batch).run { self.place($0) } }
    }
  }

  public func write(_ shipments: [Shipment]) async throws {
    if shipments.isEmpty { return }
    try await talking { session in
      let writing = SFTPWriting(session, root: self.root)
      defer { writing.end() }
      try writing.begin()
      for start in stride(from: 0, to: shipments.count, by: SFTPFiles.batch) {
        try writing.write(Array(shipments[start..<min(start + SFTPFiles.batch, shipments.count)]))
      }
    }
  }

  func place(_ path: String) -> String { root + "/" + path }

  /// After an error nobody knows where in the talk one is: the next question begins a new one.
  func talking<Answer: Sendable>(
    _ body: @escaping (SFTPSession) throws -> Answer
  ) async throws -> Answer {
    nonisolated(unsafe) let body = body
    let ask: @Sendable () throws -> Answer = { [self] in try asking(body) }
    return try await withTaskExecutorPreference(TaskThreads.shared) { try ask() }
  }

  /// The same on a thread that may wait.
  func asking<Answer>(_ body: (SFTPSession) throws -> Answer) throws -> Answer {
    try talk.withLock { talk in
      do {
        if talk == nil { talk = try SFTPSession(command, name: name, patience: patience) }
        return try body(talk!)
      } catch {
        talk = nil
        throw error
      }
    }
  }
}
