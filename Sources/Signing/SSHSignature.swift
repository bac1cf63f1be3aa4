import Artefacts

/// What a signature in armour says of itself (OpenSSH's PROTOCOL.sshsig): nothing of it is proven before it is verified.
struct SSHSignature {
  /// The key that it claims to be made with.
  let publicKey: [UInt8]
  let namespace: String

  /// - Returns: nil for what is no signature.
  init?(armoured text: String) {
    let lines = text.split(whereSeparator: \.isNewline)
    guard lines.count > 2, lines.first == "-----BEGIN SSH SIGNATURE-----",
      lines.last == "-----END SSH SIGNATURE-----",
      let bytes = Base64.bytes(lines.dropFirst().dropLast().joined())
    else { return nil }
    var rest = bytes[...]
    guard rest.starts(with: Array("SSHSIG".utf8)) else { return nil }
    rest = rest.dropFirst(6)
    guard rest.starts(with: [0, 0, 0, 1]) else { return nil }
    rest = rest.dropFirst(4)
    guard let key = SSHSignature.text(&rest), let namespace = SSHSignature.text(&rest) else { return nil }
    publicKey = Array(key)
    self.namespace = String(decoding: namespace, as: UTF8.self)
  }

  /// As `ssh-keygen -l` prints it.
  var fingerprint: String { "SHA256:" + Base64.text(Digest(of: publicKey).bytes) }

  /// The line of a file of allowed signers that allows the key; nil if it is none.
  func allowedLine(for name: String) -> String? {
    var rest = publicKey[...]
    guard let kind = SSHSignature.text(&rest), !kind.isEmpty, kind.allSatisfy({ 0x21...0x7E ~= $0 }) else {
      return nil
    }
    let text = Base64.text(publicKey)
    let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
    return "\(name) \(String(decoding: kind, as: UTF8.self)) \(text)\(padding)\n"
  }

  private static func text(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    guard rest.count >= 4 else { return nil }
    let count = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
    rest = rest.dropFirst(4)
    guard count <= rest.count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }
}

enum Base64 {
  private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// - Returns: nil for what is not base64 (RFC 4648, section 4).
  static func bytes(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    var (bits, count) = (0, 0)
    let end = text.utf8.reversed().prefix { $0 == UInt8(ascii: "=") }.count
    guard end <= 2, text.utf8.count % 4 == 0 else { return nil }
    for digit in text.utf8.dropLast(end) {
      guard let value = digits.firstIndex(of: digit) else { return nil }
      bits = (bits << 6 | value) & 0xFFFF
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(bits >> count & 0xFF))
      }
    }
    return bytes
  }

  /// Without padding.
  static func text(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    var (bits, count) = (0, 0)
    for byte in bytes {
      bits = (bits << 8 | Int(byte)) & 0xFFFF
      count += 8
      while count >= 6 {
        count -= 6
        text.append(digits[bits >> count & 63])
      }
    }
    if count > 0 { text.append(digits[bits << (6 - count) & 63]) }
    return String(decoding: text, as: UTF8.self)
  }
}
