import Artefacts
import System

/// A talk with a server of SFTP, over a program that connects to it. Many questions are on their way at once; what is answered is
/// bounded before it is taken. Used by one task at a time.
final class SFTPSession: @unchecked Sendable {
  let name: String
  private let process: PipeProcess
  private let channel: PipeChannel
  private let extensions: [String: String]
  /// The number of the next question.
  private var next: UInt32 = 0

  /// Questions that are on their way at once.
  private static let window = 64
  /// Bytes of a file in one question: every server takes as many.
  static let piece = 32768
  /// Bytes of an answer, at most.
  private static let longest: UInt32 = 256 << 10
  /// In which all that was begun is to be taken back.
  private static let secondsToTakeBack = 10

  init(_ command: [String], name: String, patience: Int) throws {
    self.name = name
    process = try PipeProcess(command, name: name)
    channel = PipeChannel(
      input: process.input, output: process.output, name: name, patience: patience,
      hint: "see whether 'sftp' reaches the machine; BRAKE_SSH says with which command to connect")
    // Version 3, which all servers know.
    try channel.send([0, 0, 0, 5, 1, 0, 0, 0, 3])
    try channel.flush()
    guard var answer = try SFTPSession.receive(channel, name), answer.kind == .version,
      let version = answer.number(UInt32.self), version >= 3
    else { throw SFTPSession.violation(name) }
    var extensions: [String: String] = [:]
    while !answer.isAtEnd {
      guard let label = answer.text(), let value = answer.text() else { throw SFTPSession.violation(name) }
      extensions[String(decoding: label, as: UTF8.self)] = String(decoding: value, as: UTF8.self)
    }
    self.extensions = extensions
  }

  /// Whether the server knows an extension, in the version of OpenSSH's.
  func knows(_ label: String) -> Bool { extensions[label] == "1" }

  /// Asks several questions.
  /// - Parameters:
  ///   - packet: makes the question of an index, when its turn comes; nil if no more are to be asked.
  ///   - take: gets the answer to the question of an index, in any order.
  func ask(
    _ count: Int, _ packet: (Int) throws -> SFTPPacket?, _ take: (Int, inout SFTPAnswer) throws -> Void
  ) throws {
    let first = next
    next &+= UInt32(truncatingIfNeeded: count)
    var (count, asked, answered, passedOver) = (count, 0, 0, 0)
    var open: Set<Int> = []
    while answered < count {
      while asked < count, asked - answered < SFTPSession.window {
        guard let packet = try packet(asked) else {
          count = asked
          break
        }
        try send(packet, as: first &+ UInt32(truncatingIfNeeded: asked))
        open.insert(asked)
        asked += 1
      }
      if answered == count { return }
      try channel.flush()
      guard var answer = try SFTPSession.receive(channel, name), answer.kind != .version,
        let number = answer.number(UInt32.self)
      else { throw SFTPSession.violation(name) }
      let index = Int(number &- first)
      guard open.remove(index) != nil else {
        // One that nobody waits for any more: something was broken off. No more than these were on their way.
        passedOver += 1
        if channel.isTakingBack, passedOver <= SFTPSession.window { continue }
        throw SFTPSession.violation(name)
      }
      answered += 1
      try take(index, &answer)
    }
  }

  /// Asks questions that are answered by how it went.
  func statuses(_ packets: [SFTPPacket]) throws -> [SFTPStatus] {
    var statuses = [SFTPStatus?](repeating: nil, count: packets.count)
    try ask(packets.count, { packets[$0] }) { statuses[$0] = try status($1) }
    return statuses.map { $0! }
  }

  /// Asks even where the task was cancelled, for a few seconds in all.
  func takingBack(_ body: () throws -> Void) {
    channel.takesBackUntil = ContinuousClock.now + .seconds(SFTPSession.secondsToTakeBack)
    defer { channel.takesBackUntil = nil }
    try? body()
  }

  func status(_ answer: SFTPAnswer) throws -> SFTPStatus {
    var answer = answer
    guard answer.kind == .status, let code = answer.number(UInt32.self) else {
      throw SFTPSession.violation(name)
    }
    let words = answer.text().map { String(decoding: $0.prefix(200), as: UTF8.self) } ?? ""
    return SFTPStatus(code: code, words: words.visible())
  }

  /// What an answer gives, or how it says that it gives nothing.
  func value<Value>(
    _ kind: SFTPAnswer.Kind, _ answer: SFTPAnswer, _ read: (inout SFTPAnswer) -> Value?
  ) throws -> Result<Value, SFTPRefusal> {
    var answer = answer
    if answer.kind == .status { return .failure(SFTPRefusal(status: try status(answer))) }
    guard answer.kind == kind, let value = read(&answer) else { throw SFTPSession.violation(name) }
    return .success(value)
  }

  /// What is told of a question that was not answered as wished.
  func refusal(_ status: SFTPStatus, _ path: String) -> Failure {
    let words = status.words.isEmpty ? "error \(status.code)" : status.words
    let hint: String? =
      switch status.code {
      case 2:
        "check the path in the address: the folder above it must be there (sftp://host/~/path counts from the home)"
      case 3: "ask for the right to write or read there"
      case 4: "its disk may be full, or a file may stand where a folder should"
      default: nil
      }
    return RemoteFailure.refused(
      name, "says '\(words)' to the request for \(path)", hint: hint,
      cause: status.code == 3 ? RemoteFailure.Forbidden() : nil)
  }

  private func send(_ packet: SFTPPacket, as number: UInt32) throws {
    var head: [UInt8] = []
    withUnsafeBytes(of: UInt32(packet.bytes.count + 5).bigEndian) { head += $0 }
    head.append(packet.kind.rawValue)
    withUnsafeBytes(of: number.bigEndian) { head += $0 }
    try channel.send(head)
    try channel.send(packet.bytes)
  }

  private static func receive(_ channel: PipeChannel, _ name: String) throws -> SFTPAnswer? {
    let size = try channel.receive(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    guard 5...SFTPSession.longest ~= size else { throw violation(name) }
    let bytes = try channel.receive(Int(size))
    return SFTPAnswer(kind: bytes.first!, bytes: bytes.dropFirst())
  }

  private static func violation(_ name: String) -> Failure {
    RemoteFailure.lying(
      name, "does not answer as a server of SFTP does: what starts there prints something else")
  }
}

struct SFTPRefusal: Error { let status: SFTPStatus }
