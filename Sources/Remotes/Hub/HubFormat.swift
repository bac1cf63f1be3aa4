import JSON
import Safetensors
import System
import TorchFiles

/// What a file of a model has to be by its name, as far as its format says so: a server may send the page with which it speaks to people,
/// or a file that was cut when it was put there, and say that all is well.
enum HubFormat {
  /// - Parameter type: what the server says that it has sent.
  /// - Returns: what is wrong with the file; nil if nothing is, as far as can be seen.
  static func fault(of name: String, type: String?, _ file: borrowing InputFile) throws -> String? {
    let base = name.split(separator: "/").last.map(String.init) ?? name
    let start = try file.bytes(at: 0, count: min(file.size, 512))
    if !name.hasSuffix(".html"), !name.hasSuffix(".htm") {
      if type?.lowercased().hasPrefix("text/html") == true || isPage(start) {
        return "it is a page for people"
      }
    }
    if name.hasSuffix(".json") {
      return faultOfJSON(try file.readAll())
    } else if name.hasSuffix(".safetensors") {
      return try faultOfSafetensors(file)
    } else if start.starts(with: ZipDirectory.opening) {
      return try faultOfArchive(file)
    } else if base.hasPrefix("pytorch_model"), base.hasSuffix(".bin"), start.first != 0x80 {
      // Older versions of PyTorch wrote pickles, which do not say how long they are.
      return "it is no file of PyTorch's"
    } else if file.size == 0, ["merges.txt", "vocab.txt", "tokenizer.model"].contains(base) {
      return "it is empty"
    }
    return nil
  }

  private static func isPage(_ start: [UInt8]) -> Bool {
    let text = String(decoding: start, as: UTF8.self).lowercased().drop {
      $0.isWhitespace || $0 == "\u{FEFF}"
    }
    return text.hasPrefix("<!doctype html") || text.hasPrefix("<html")
  }

  /// A tree of it would take many times as much memory, and a vocabulary has members whose names Swift takes for one.
  private static func faultOfJSON(_ bytes: [UInt8]) -> String? {
    do throws(JSONError) {
      var parser = try JSONParser(passingOver: bytes, options: .ofHub)
      try parser.skip()
      try parser.finish()
      return nil
    } catch {
      return "it is no JSON: \(error)"
    }
  }

  /// The header says how long the file is. Types of elements that nothing here reads may stand in it.
  private static func faultOfSafetensors(_ file: borrowing InputFile) throws -> String? {
    let start = try file.bytes(at: 0, count: 8)
    do throws(Failure) {
      let size = try SafetensorsHeader.size(start, fileSize: file.size)
      let end = try SafetensorsHeader.dataSize(toldBy: file.bytes(at: 8, count: size - 8))
      let has = file.size - size
      return has == end ? nil : "it has \(has) bytes of tensors, and its header tells of \(end)"
    } catch {
      if error.code != .malformed { throw error }
      return "it is no safetensors file, or cut short: \(error.headline)"
    }
  }

  /// A ZIP archive, as PyTorch writes them since 1.6, of which the end says where its directory is.
  private static func faultOfArchive(_ file: borrowing InputFile) throws -> String? {
    let size = min(file.size, ZipDirectory.tailSize)
    let tail = try file.bytes(at: file.size - size, count: size)
    return (try? ZipDirectory(tail: tail[...], fileSize: file.size)) == nil
      ? "it is an archive that was cut short" : nil
  }
}

extension JSON.Options {
  /// As Python writes what is on the hub.
  static var ofHub: JSON.Options {
    var options = JSON.Options.python
    options.depth = 512
    return options
  }
}
