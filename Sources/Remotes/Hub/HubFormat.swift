import JSON
import System

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
      do { _ = try JSON(parsing: file.readAll(), options: .ofHub) } catch let error as JSONError {
        return "it is no JSON: \(error)"
      }
    } else if name.hasSuffix(".safetensors") {
      return try faultOfSafetensors(file)
    } else if base.hasPrefix("pytorch_model"), base.hasSuffix(".bin") {
      return try faultOfTorch(file, start)
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

  /// The header says how long the file is. Types of elements that nothing here reads may stand in it.
  private static func faultOfSafetensors(_ file: borrowing InputFile) throws -> String? {
    let none = "it is no safetensors file, or cut short"
    guard file.size >= 8 else { return none }
    let length = try file.bytes(at: 0, count: 8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(min(file.size - 8, headerLimit)) else { return none }
    let header = try file.bytes(at: 8, count: Int(length))
    guard let tensors = (try? JSON(parsing: header, options: .ofHub))?.object else { return none }
    var end = 0
    for (name, tensor) in tensors where name != "__metadata__" {
      guard let place = tensor["data_offsets"]?.array, place.count == 2, let last = place[1].integer else {
        return none
      }
      end = max(end, last)
    }
    let size = file.size - 8 - Int(length)
    return size == end ? nil : "it has \(size) bytes of tensors, and its header tells of \(end)"
  }

  private static let headerLimit = 100_000_000

  /// A zip archive, of which the end says that it is whole, or a pickle as older versions of PyTorch wrote it.
  private static func faultOfTorch(_ file: borrowing InputFile, _ start: [UInt8]) throws -> String? {
    if start.starts(with: [0x80]) { return nil }
    let most = 22 + 65_535
    let end = try file.bytes(at: max(0, file.size - most), count: min(file.size, most))
    let mark: [UInt8] = [0x50, 0x4B, 5, 6]
    let isWhole = start.starts(with: [0x50, 0x4B, 3, 4]) && end.firstRange(of: mark) != nil
    return isWhole ? nil : "it is no file of PyTorch's, or cut short"
  }
}

extension JSON.Options {
  /// As Python writes what is on the hub.
  fileprivate static var ofHub: JSON.Options {
    var options = JSON.Options.python
    options.longWholeAsText = true
    options.depth = 512
    return options
  }
}
