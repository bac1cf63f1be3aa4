import Runs

extension Making {
  /// For people: `3:05 min`, or `3:05 min (11:40 min of processors, 2.1 GB of memory)`.
  var taken: String {
    var more: [String] = []
    if let processorSeconds { more.append("\(duration(processorSeconds)) of processors") }
    if let peakMemory { more.append("\(byteCount(peakMemory)) of memory") }
    return duration(seconds) + (more.isEmpty ? "" : " (\(more.joined(separator: ", ")))")
  }
}
