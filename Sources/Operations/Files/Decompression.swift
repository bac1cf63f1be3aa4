internal import Actions
internal import Compute
internal import System

/// Undoing gzip, xz and zstd with the programs of those names.
enum Decompression {
  /// More than this is not taken out of one file.
  static let limit = 1 << 32
  /// Nor, beyond a size that hurts no one, more than this many times what it takes: text is rarely a hundred times smaller.
  static let ratio = 200
  private static let harmless = 64 << 20

  /// The program for bytes that start like these; nil if they are not compressed.
  static func program(for bytes: [UInt8]) -> String? {
    if bytes.starts(with: [0x1F, 0x8B]) { return "gzip" }
    if bytes.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]) { return "xz" }
    if bytes.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) { return "zstd" }
    return nil
  }

  /// - Parameter file: what messages call the bytes.
  /// - Returns: the bytes themselves if they are not compressed.
  /// - Throws: `Failure.malformed` where the program is missing, refuses the bytes, or gives more than the limit.
  static func expand(_ bytes: [UInt8], file: String) async throws -> [UInt8] {
    guard let program = program(for: bytes) else { return bytes }
    let limit = min(limit, max(harmless, ratio * bytes.count))
    do {
      let result = try await FilterProgram(program, arguments: ["-dc"]).run(bytes, limit: limit)
      guard result.ending == .exited(0) else {
        let said = result.complaint.split(separator: "\n").first.map { " (\($0.prefix(200)))" } ?? ""
        throw Failure(.malformed, "\(file): \(program) cannot decompress it\(said)")
      }
      return result.output
    } catch FilterProgram.Failure.notInstalled {
      throw Failure(
        .malformed, "\(file): it is compressed with \(program), which is not installed",
        hint: "install \(program == "xz" ? "xz-utils" : program)")
    } catch FilterProgram.Failure.tooMuchOutput {
      throw Failure(
        .malformed,
        "\(file): \(bytes.count) compressed bytes hold more than \(limit >> 20) MiB",
        hint: limit < Self.limit ? "decompress it yourself if that is meant" : nil)
    }
  }
}
