import Actions

/// The sections of a pipeline file. What the reader takes and what `brake schema` prints are both made of these tables.
enum PipelineSection: String, CaseIterable {
  case include, params, stages, `default`

  var help: String {
    switch self {
    case .include: "Other pipeline files whose stages are part of this one."
    case .params: "NAME: default value. 'brake run NAME=VALUE' overrides it, and ${NAME} stands for it."
    case .stages: "What there is to do: NAME: stage."
    case .default: "Targets of a run that names none; otherwise the stages that no other uses."
    }
  }
}

/// A field of an entry of `include:`.
enum IncludeField: String, CaseIterable {
  case file, prefix, with

  var help: String {
    switch self {
    case .file: "The pipeline file, relative to the folder of this one."
    case .prefix: "What stands before the names of its stages here."
    case .with: "Values for its parameters."
    }
  }
}

/// A field of an entry of `out:` that says more than a path.
enum OutputField: String, CaseIterable {
  case folder, key, grows, eager

  var help: String {
    switch self {
    case .folder: "The folder in which the command writes the members of the output."
    case .key:
      "What their files are called, with one '*' for the member's key; all that stands in the folder if not said."
    case .grows:
      "Whether each member is kept as soon as it is finished, while the command runs; no part of the key."
    case .eager:
      "Whether what reads a single member may start as soon as that is kept, if the output grows; no part of the key."
    }
  }
}

/// A field of a stage.
enum StageField: String, CaseIterable {
  case op, run
  case `for`, chain, `where`, unless
  case `in`, with
  case out, shell, env
  case passEnv = "pass-env"
  case tools, python, image, sandbox, network, undeclared
  case stdin, codes, timeout, grace, retries, resume
  case cores, memory, gpus, time, runner, group
  case publish

  enum Kind { case any, operation, command }

  /// Faster than `init(rawValue:)`, which compares with one after the other.
  static let named = Dictionary(uniqueKeysWithValues: allCases.map { ($0.rawValue, $0) })
  static let resources = ResourceField.allCases.map { (field: named[$0.rawValue]!, resource: $0) }

  /// Which stages have it.
  var kind: Kind {
    switch self {
    case .op, .run, .for, .where, .unless, .in, .cores, .memory, .gpus, .time, .runner, .group, .publish:
      .any
    case .with: .operation
    case .chain, .out, .shell, .env, .passEnv, .tools, .python, .image, .sandbox, .network, .undeclared,
      .stdin,
      .codes, .timeout, .grace, .retries, .resume:
      .command
    }
  }

  var help: String {
    switch self {
    case .op: "A built-in operation; 'brake operations' describes them."
    case .run: "A command for the shell, in which ${in.NAME} and ${out.NAME} are paths of inputs and outputs."
    case .for: "Variables and what they run over: a list, a range such as 1..10, a table, a keyed output."
    case .chain:
      "A variable and the increasing steps at which each link stands; a link reads the one before as ${previous.NAME}."
    case .where: "Only combinations for which this holds, such as ${size} != 188k or ${seed} == 1."
    case .unless: "Only combinations for which this does not hold."
    case .in: "Inputs and where they come from: a stage, an output of one, a file or an artefact."
    case .with: "The operation's parameters."
    case .out:
      "Files that the command writes; a folder ends in '/', a pattern has one '*', and a mapping says whether it grows."
    case .shell: "The shell that executes run:, and its options; bash -euo pipefail if it is not named."
    case .env: "Environment variables; part of the action's key."
    case .passEnv: "Environment variables that are handed through, no part of the key."
    case .tools: "Programs whose identity is part of the key, or the commands that print their versions."
    case .python:
      "The Python environment of the command: a virtual environment, or requirements or a lock file of which brake makes one."
    case .image:
      "The container image in which the command runs: an OCI archive or layout, or what 'docker save' writes; part of the key."
    case .sandbox: "Whether the command runs in a sandbox where there is one; true if not said."
    case .network: "Whether the command has a network in the sandbox; false if not said."
    case .undeclared: "Whether files that the command leaves and out: does not name are an error."
    case .stdin: "The input that the command is given on its standard input; part of the key."
    case .codes: "The exit statuses that mean success, such as [0, 3]; [0] if not said. Part of the key."
    case .timeout:
      "How long the command may take, such as 2h30m, before it is asked to end; no part of the key."
    case .grace: "How long it then has to end before it is killed, such as 1m; 10s if not said."
    case .retries:
      "How often the command is tried again after it has failed; 0 if not said. No part of the key."
    case .resume:
      "Whether the next attempt finds in its folder what an earlier one had kept; false if not said. No part of the key."
    case .cores: "Processor cores that an instance needs."
    case .memory: "Memory that an instance needs, such as 8G or 512M."
    case .gpus: "GPUs that an instance needs."
    case .time: "How long an instance takes at most, such as 2h30m."
    case .runner: "Where an instance runs: local or slurm; if not said, where brake runs stages."
    case .group: "How many instances may be one job of a cluster, one after the other; 1 if not said."
    case .publish:
      "Where outputs are also put in the workspace: a folder 'results/', a path, or one for each output."
    }
  }
}
