import Actions
import ArgumentParser
import Artefacts
import Runners
import Runs
import System

/// `--runner`: where actions run.
struct RunnerOption: ParsableArguments {
  enum Kind: String, CaseIterable, ExpressibleByArgument {
    case local, slurm
  }

  @Option(
    help: ArgumentHelp(
      "Where stages run: local, or slurm for jobs of a Slurm cluster (default: what brake's configuration says, else local).",
      valueName: "runner"))
  var runner: Kind?

  /// Jobs that a run has on a cluster at once, where -j says nothing.
  static let jobs = 100

  /// Nil for this machine.
  func make(for store: Store, root: String) throws -> (any Runner)? {
    let configuration = try Configuration.read()
    guard try kind(configuration) == .slurm else { return nil }
    guard let executable = try LocalFileSystem().realPath("/proc/self/exe") else {
      throw Failure(.notFound, "the program file of brake is gone")
    }
    return try SlurmRunner(
      store: store, root: root,
      settings: SlurmSettings(
        executable: executable, version: brakeVersion, options: configuration.slurmOptions,
        setup: configuration.slurmSetup),
      surroundings: CommandSurroundings(workspace: root, guardExecutable: "/proc/self/exe"))
  }

  func isSlurm() throws -> Bool { try kind(Configuration.read()) == .slurm }

  private func kind(_ configuration: Configuration) throws -> Kind {
    try runner ?? configuration.runner.map { name in
      guard let kind = Kind(rawValue: name) else {
        throw Failure(
          .malformed, "brake's configuration says runner: \(name)", hint: "the runners are local and slurm")
      }
      return kind
    } ?? .local
  }
}
