public import Actions

/// A `run:` stage.
public struct ShellCommand: Sendable, Hashable {
  let template: ShellTemplate
  /// What runs it: part of the key.
  public let shell: CommandShell
  /// Declared environment: part of the key.
  public let environment: [String: String]
  /// Names handed through from the user's environment. Neither they nor their values are part of the key.
  public let passed: [String]
  /// Programs whose identity is part of the key: a name to look up in PATH -> a command that prints its version, or nil
  /// to take the digest of the executable.
  public let tools: [String: String?]
  /// The Python environment in which it runs; nil for the one that PATH leads to.
  public let python: PythonSource?
  /// Whether it runs in a container image, which is the input `ShellCommand.imageInput`.
  public let hasImage: Bool
  /// Whether it runs in a sandbox where there is one.
  public let sandbox: Bool
  /// Whether it has a network in the sandbox.
  public let network: Bool
  /// Whether a file that it leaves and does not declare is an error, and not only said.
  public let refusesUndeclared: Bool
  /// What it is given on its standard input, `in.NAME` or `previous.NAME`: part of the key. The first link of a chain is given
  /// nothing of the one before.
  public let stdin: String?
  public let ending: CommandEnding
  /// The outputs of which each member is kept as soon as it is finished.
  public let growing: [String]
  /// Those of them whose members others may read before the command has ended.
  public let eager: [String]
  /// Whether an attempt finds in its folder what an earlier one had kept.
  public let resumes: Bool

  /// The command with `${in.NAME}`, `${out.NAME}` and `${previous.NAME}` still in it: paths are no part of a key. Parameters and `for:`
  /// variables are already replaced.
  public var text: String { template.text }

  init(
    template: ShellTemplate, shell: CommandShell = .bash, environment: [String: String] = [:],
    passed: [String] = [], tools: [String: String?] = [:], python: PythonSource? = nil,
    hasImage: Bool = false, sandbox: Bool = true, network: Bool = false, refusesUndeclared: Bool = false,
    stdin: String? = nil,
    ending: CommandEnding = CommandEnding(), growing: [String] = [], eager: [String] = [],
    resumes: Bool = false
  ) {
    self.growing = growing
    self.eager = eager
    self.resumes = resumes
    self.template = template
    self.shell = shell
    self.environment = environment
    self.passed = passed
    self.tools = tools
    self.python = python
    self.hasImage = hasImage
    self.sandbox = sandbox
    self.network = network
    self.refusesUndeclared = refusesUndeclared
    self.stdin = stdin
    self.ending = ending
  }
}
