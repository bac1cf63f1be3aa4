/// A figure as PDF.
enum PDF {
  /// gnuplot's PDF with the time of drawing set to the start of 1970, so that the same figure has the same bytes.
  static func undated(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    let key = Array("/CreationDate (D:".utf8)
    let epoch = Array("19700101000000".utf8)
    var position = 0
    while position + key.count + epoch.count <= bytes.count {
      if bytes[position] == key[0], bytes[position..<position + key.count].elementsEqual(key) {
        position += key.count
        bytes.replaceSubrange(position..<position + epoch.count, with: epoch)
      }
      position += 1
    }
    return bytes
  }
}
