import Glibc
import Synchronization
import System

/// The program at the other end, started when it is first needed and ended with this.
final class PipeProcess: Sendable {
  /// Where what it says comes from, and where it listens.
  let (input, output): (Int32, Int32)
  private let id: pid_t

  init(_ command: [String], name: String) throws {
    // One that has gone away is an error like any other.
    signal(SIGPIPE, SIG_IGN)
    let (child, ends) = try PipeProcess.starting.withLock { _ in try PipeProcess.start(command, name) }
    id = child
    (input, output) = ends
    // Who does not read is waited for no longer than who says nothing.
    for end in [input, output] { _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK) }
  }

  /// One at a time: no child is to get the ends of another's pipes.
  private static let starting = Mutex(())

  private static func start(
    _ command: [String], _ name: String
  ) throws -> (pid_t, (input: Int32, output: Int32)) {
    var toChild: [Int32] = [-1, -1]
    var fromChild: [Int32] = [-1, -1]
    guard pipe(&toChild) == 0, pipe(&fromChild) == 0 else {
      throw Failure.system("make a pipe to", command[0])
    }
    for end in toChild + fromChild { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
    posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
    // It is to hear of signals as anybody else, whatever this process blocks or passes over.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigaddset(&signals, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var id: pid_t = 0
    var arguments = command.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    let code = posix_spawnp(&id, command[0], &actions, &attributes, &arguments, environ)
    close(toChild[0])
    close(fromChild[1])
    guard code == 0 else {
      close(toChild[1])
      close(fromChild[0])
      throw RemoteFailure.unreachable(
        name, "'\(command[0])' cannot be started: \(String(cString: strerror(code)))",
        hint: "install an ssh client, or set BRAKE_SSH to the command that connects")
    }
    return (id, (fromChild[0], toChild[1]))
  }

  deinit {
    for end in [output, input] { close(end) }
    var status: Int32 = 0
    // It ends when its input does; one that does not is ended.
    for _ in 0..<20 {
      if waitpid(id, &status, WNOHANG) != 0 { return }
      usleep(10_000)
    }
    kill(id, SIGKILL)
    waitpid(id, &status, 0)
  }
}
