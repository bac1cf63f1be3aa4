import System

/// What a failed action printed, if that is more than anybody reads: its beginning and its end.
enum LongLog {
  private static let most = 32 << 20
  private static let beginning = 1 << 20

  static func shorten(_ path: String, files: any FileSystem) {
    let short = path + ".short"
    do {
      guard let log = try InputFile.ifPresent(path, files: files), log.size > most else { return }
      try files.copy(0..<beginning, of: log, to: short, mode: 0o666)
      let left = "\n... \(log.size - most) bytes are left out here ...\n"
      try files.write(Array(left.utf8), to: short, .appending)
      try files.append(log.size - (most - beginning)..<log.size, of: log, to: short)
      try files.rename(short, to: path)
    } catch {
      try? files.remove(short)
    }
  }
}
