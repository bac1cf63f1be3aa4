import Glibc
import Synchronization

/// A process beside brake that knows which of make's tokens brake has taken, and gives them back if brake is killed before it
/// does so itself. It starts with the first token that is taken, and ends with brake.
public final class TokenKeeper: Sendable {
  /// `brake keep-tokens FILE` keeps tokens; nobody but brake calls it.
  public static let subcommand = "keep-tokens"

  private let executable: String
  private let tokens: OpenFile
  /// Where it is told what happens; nil before it is needed, and no file where it cannot be started.
  private let wire = Mutex<OpenFile??>(nil)

  init(executable: String, tokens: OpenFile) {
    self.executable = executable
    self.tokens = tokens
  }

  func noteTaken(_ byte: UInt8) { tell([UInt8(ascii: "+"), byte]) }
  func noteGiven(_ byte: UInt8) { tell([UInt8(ascii: "-"), byte]) }

  private func tell(_ message: [UInt8]) {
    wire.withLock { wire in
      if wire == nil { wire = .some(start()) }
      guard let file = wire! else { return }
      _ = message.withUnsafeBytes { write(file.number, $0.baseAddress, $0.count) }
    }
  }

  private func start() -> OpenFile? {
    guard let (listening, telling) = OpenFile.pipe() else { return nil }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, listening.number, 0)
    posix_spawn_file_actions_adddup2(&actions, tokens.number, 1)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // What ends brake's group is not to end it.
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    var process: pid_t = 0
    let words: [String] = [executable, TokenKeeper.subcommand]
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    guard posix_spawn(&process, executable, &actions, &attributes, &arguments, environ) == 0 else {
      return nil
    }
    // Nobody waits for it: it ends when this process does.
    return telling
  }

  /// Keeps tokens if the command line says so, and does not return then.
  public static func runIfAsked(_ line: [String] = CommandLine.arguments) {
    guard line.count == 2, line[1] == subcommand else { return }
    for ignored in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE] { signal(ignored, SIG_IGN) }
    var taken: [UInt8] = []
    var message: [UInt8] = [0, 0]
    while true {
      let count = read(0, &message, 2)
      if count < 0 && errno == EINTR { continue }
      guard count == 2 else { break }
      if message[0] == UInt8(ascii: "+") {
        taken.append(message[1])
      } else if let index = taken.lastIndex(of: message[1]) {
        taken.remove(at: index)
      }
    }
    for byte in taken {
      var byte = byte
      _ = write(1, &byte, 1)
    }
    exit(0)
  }
}
