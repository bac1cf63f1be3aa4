import Glibc

/// What GNU make says of its jobserver in MAKEFLAGS: where the tokens are, and how many jobs there may be.
///
/// Format: https://www.gnu.org/software/make/manual/html_node/POSIX-Jobserver.html
struct JobServerAddress: Equatable {
  enum Place: Equatable {
    /// Open files from which tokens are read, and to which they are written.
    case descriptors(read: Int32, write: Int32)
    case fifo(String)
  }

  let place: Place
  /// Of `-jN`.
  let jobs: Int?

  /// Nil if the flags name no jobserver. Of several options the last one holds.
  init?(makeFlags: String) {
    var place: Place?
    var jobs: Int?
    for word in makeFlags.split(separator: " ") {
      // Behind this come variables.
      if word == "--" { break }
      for option in ["--jobserver-auth=", "--jobserver-fds="] where word.hasPrefix(option) {
        place = JobServerAddress.place(word.dropFirst(option.count)) ?? place
      }
      if word.hasPrefix("-j"), let count = Int(word.dropFirst(2)), count > 0 { jobs = count }
    }
    guard let place else { return nil }
    self.place = place
    self.jobs = jobs
  }

  private static func place(_ text: Substring) -> Place? {
    if text.hasPrefix("fifo:") { return .fifo(String(text.dropFirst(5))) }
    let numbers = text.split(separator: ",").map { Int32($0) }
    guard numbers.count == 2, let read = numbers[0], let write = numbers[1] else { return nil }
    return .descriptors(read: read, write: write)
  }
}
