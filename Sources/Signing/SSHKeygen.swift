import Artefacts
import Glibc
import System

/// `ssh-keygen`, which signs and verifies: brake has no cryptography of its own for that, and asks for no other keys than
/// people have anyway. It is started without a shell, is given bytes on its standard input, and has a time in which to end.
struct SSHKeygen: Sendable {
  /// Folders in which it is looked for; nil for those of PATH.
  var searchPath: String?

  private static let patience = Duration.seconds(20)
  /// For a key in hardware somebody has to touch it.
  private static let patienceToSign = Duration.seconds(120)
  private static let mostOutput = 64 << 10

  /// - Returns: the signature in armour.
  func sign(_ message: [UInt8], key: String, namespace: String) throws -> String {
    let result = try run(
      ["-Y", "sign", "-f", key, "-n", namespace], message, within: SSHKeygen.patienceToSign)
    let signature = String(decoding: result.output, as: UTF8.self)
    guard result.ending == .exited(0), signature.hasPrefix("-----BEGIN SSH SIGNATURE-----") else {
      throw Failure(
        .refused, "nothing can be signed with the key \(key): \(SSHKeygen.lastLine(result.complaint))",
        hint: "a key with a passphrase has to be in ssh-agent: ssh-add \(key)")
    }
    guard signature.utf8.count <= RecordSignature.sizeLimit else {
      throw Failure(
        .refused, "the key \(key) makes signatures of more than 8 KiB", hint: "use an Ed25519 key")
    }
    return signature
  }

  /// What a key is called by its SHA-256, as `ssh-keygen -l` prints it.
  /// - Parameter key: a file with a public or a private key.
  func fingerprint(ofKey key: String) throws -> String {
    let result = try run(["-l", "-E", "sha256", "-f", key], [], within: SSHKeygen.patience)
    let words = String(decoding: result.output, as: UTF8.self).split(separator: " ")
    guard result.ending == .exited(0), words.count > 1, words[1].hasPrefix("SHA256:") else {
      throw Failure(
        .refused, "\(key) is no key: \(SSHKeygen.lastLine(result.complaint))",
        hint: "'signing-key' names the file of an SSH key; 'ssh-keygen -t ed25519' makes one")
    }
    return String(words[1])
  }

  /// Who has signed a message, by a file of allowed signers.
  /// - Returns: nil if nobody has whom the file names, or not this message.
  func signer(of message: [UInt8], signature: String, namespace: String, allowed: String) throws -> String? {
    let file = try TemporaryFile(Array(signature.utf8))
    defer { file.remove() }
    let found = try run(
      ["-Y", "find-principals", "-s", file.path, "-f", allowed], [], within: SSHKeygen.patience)
    guard found.ending == .exited(0) else { return nil }
    // One line for each entry of the file that has the key.
    let names = String(decoding: found.output, as: UTF8.self).split(whereSeparator: \.isNewline).prefix(8)
    for name in names {
      let result = try run(
        ["-Y", "verify", "-n", namespace, "-s", file.path, "-f", allowed, "-I", String(name)], message,
        within: SSHKeygen.patience)
      if result.ending == .exited(0) { return String(name) }
    }
    return nil
  }

  private func run(_ arguments: [String], _ input: [UInt8], within time: Duration) throws
    -> FilterProgram.Result
  {
    var variables: [String: String] = [:]
    for name in ["HOME", "SSH_AUTH_SOCK"] {
      if let value = getenv(name) { variables[name] = String(cString: value) }
    }
    do {
      return try FilterProgram(
        "ssh-keygen", arguments: arguments, variables: variables, searchPath: searchPath
      )
      .run(input, limit: SSHKeygen.mostOutput, within: time)
    } catch FilterProgram.Failure.notInstalled {
      throw Failure(
        .notFound, "ssh-keygen is not installed, and records are signed and checked with it",
        hint: "install OpenSSH's client, 8.2 or later: apt install openssh-client")
    } catch FilterProgram.Failure.tooSlow {
      throw Failure(
        .system, "ssh-keygen did not end within \(time.components.seconds) seconds, and was stopped",
        hint: "try 'ssh-keygen \(arguments.prefix(2).joined(separator: " "))' by hand")
    } catch FilterProgram.Failure.tooMuchOutput {
      throw Failure(.refused, "ssh-keygen printed more than it has any reason to")
    }
  }

  private static func lastLine(_ text: String) -> String {
    text.split(whereSeparator: \.isNewline).last.map { String($0.prefix(300)) }
      ?? "ssh-keygen says nothing of it"
  }
}

/// A file that only this user can read, for as long as a program reads it.
struct TemporaryFile {
  let path: String

  init(_ bytes: [UInt8]) throws {
    var template = Array("\(TemporaryPlace.path)/brake-signature-XXXXXX".utf8CString)
    let file = mkstemp(&template)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard file >= 0 else { throw Failure.system("make a temporary file such as", path) }
    let isWritten = bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) } == bytes.count
    close(file)
    guard isWritten else {
      unlink(path)
      throw Failure.system("write", path)
    }
  }

  func remove() { unlink(path) }
}
