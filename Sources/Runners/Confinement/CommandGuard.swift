import Glibc
import System

/// A process that stands between brake and a command where there is no sandbox: everything that the command starts, in
/// whatever process group, ends when the command ends, and when brake ends, however that happens.
///
/// What loses its parent becomes a child of the guard (`PR_SET_CHILD_SUBREAPER`), so that the guard finds it; and the
/// kernel tells the guard of brake's death (`PR_SET_PDEATHSIG`).
public enum CommandGuard {
  /// `brake guard-command PARENT PROGRAM ARGUMENT...` is a guard; nobody but brake calls it.
  public static let subcommand = "guard-command"

  package static func arguments(around command: [String], by executable: String) -> [String] {
    [executable, subcommand, String(getpid())] + command
  }

  /// Becomes a guard if the command line says so, and does not return then.
  public static func runIfAsked(_ line: [String] = CommandLine.arguments) {
    guard line.count > 3, line[1] == subcommand, let parent = pid_t(line[2]) else { return }
    _ = Kernel.prctl?(Kernel.setChildSubreaper, 1, 0, 0, 0)
    signal(parentDied) { _ in CommandGuard.endAll() }
    _ = Kernel.prctl?(Kernel.setParentDeathSignal, UInt(parentDied), 0, 0, 0)
    if getppid() != parent { exit(128 + SIGKILL) }
    exit(run(Array(line[3...])))
  }

  /// No program sends this one to its process group.
  private static let parentDied: Int32 = 63

  /// - Returns: the exit status of the command, or 128 + n of one that signal n ended.
  private static func run(_ command: [String]) -> Int32 {
    var pointers = command.map { strdup($0) } + [nil]
    var process: pid_t = 0
    let code = posix_spawn(&process, command[0], nil, nil, &pointers, environ)
    if code != 0 {
      let text = "cannot start \(command[0]): \(String(cString: strerror(code)))\n"
      _ = Array(text.utf8).withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
      return 127
    }
    while true {
      var status: Int32 = 0
      let ended = waitpid(-1, &status, 0)
      if ended < 0 && errno != EINTR { return 127 }
      guard ended == process else { continue }
      endAll()
      let signal = status & 0x7F
      return signal == 0 ? status >> 8 & 0xFF : 128 + signal
    }
  }

  /// Returns when this process has no children any more. Those who fork while they are ended are found the next time.
  private static func endAll() {
    while true {
      for process in ProcessTree.descendants(of: getpid()) { kill(process, SIGKILL) }
      var status: Int32 = 0
      if waitpid(-1, &status, 0) < 0 && errno != EINTR { return }
    }
  }

  /// Calls that Swift's view of the C library leaves out, since they take a variable number of arguments.
  private enum Kernel {
    typealias ProcessControl = @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32
    static let prctl = dlsym(nil, "prctl").map { unsafeBitCast($0, to: ProcessControl.self) }
    static let setParentDeathSignal: Int32 = 1
    static let setChildSubreaper: Int32 = 36
  }
}
