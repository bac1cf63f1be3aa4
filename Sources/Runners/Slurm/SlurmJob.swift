import Actions
import System

/// Actions as a job, one after the other: the script that Slurm runs, and what it is submitted with.
public struct SlurmJob {
  /// What all of them declare.
  let resources: Resources
  /// Where the job finds the actions, and leaves what came of them.
  let tickets: [ActionTicket]
  let settings: SlurmSettings
  /// The workspace, absolute.
  let root: String
  /// How long the longest of its commands wants to have for saving its work.
  var grace = Duration.zero
  /// Tells it from all others, also if nobody learned whether it was submitted.
  let name: String

  /// A name that no other job has.
  static func name(for actions: [Action]) -> String {
    let more = actions.count == 1 ? "" : " and \(actions.count - 1) more"
    // Slurm's programs take several names, with commas between them.
    let told = actions[0].name.replacing(",", with: ";")
    return "brake-\(ProcessFolder.randomName().prefix(12)) \(told)\(more)"
  }

  /// What Slurm and the shell of this job print. That of several actions outlasts each of them.
  var printed: String {
    let folder = tickets[0].folder
    return tickets.count == 1
      ? SlurmJob.printed(in: folder) : SlurmJob.printed(byAllOf: name, beside: folder)
  }

  /// What a job of several actions prints.
  /// - Parameter folder: of one of them.
  static func printed(byAllOf name: String, beside folder: String) -> String {
    "\(parentFolder(of: folder))/\(name.prefix { $0 != " " })\(JobFolder.suffix)"
  }

  /// What Slurm and the shell of the job print.
  static func printed(in folder: String) -> String { folder + "/slurm.log" }

  /// What it takes to keep what a command has saved, and to leave an answer.
  private static let margin = 30

  /// How long before the end of the job Slurm is asked to send SIGUSR1, in seconds; nil if it is not.
  private var notice: Int? {
    // Slurm sends it up to a minute too early.
    guard let seconds, seconds >= 300, !settings.options.contains(where: { $0.hasPrefix("--signal") }) else {
      return nil
    }
    let wanted = Int(max(grace, Notice.usualGrace).components.seconds) + SlurmJob.margin
    return min(wanted, seconds / 2)
  }

  /// How long the job may take; nil if nobody has said so.
  private var seconds: Int? {
    resources.time.map { max(60, Int($0.components.seconds) * tickets.count) }
  }

  var script: [UInt8] {
    var lines = ["#!/bin/sh"]
    lines.append(
      "cd \(quoted(root)) || { echo \(quoted("this node does not see the folder \(root)")) >&2; exit 90; }")
    lines += settings.setup
    lines.append(
      "[ -x \(quoted(settings.executable)) ] || { echo \(quoted("this node does not see the program \(settings.executable)")) >&2; exit 91; }"
    )
    let folders = tickets.map { quoted($0.folder) }.joined(separator: " ")
    let grace = notice.map { " --grace=\($0 - SlurmJob.margin)" } ?? ""
    lines.append("exec \(quoted(settings.executable)) execute --job=\(quoted(name))\(grace) \(folders)")
    return Array((lines.joined(separator: "\n") + "\n").utf8)
  }

  var arguments: [String] {
    var words = [
      "--parsable", "--job-name=\(name)",
      "--output=\(printed.replacing("%", with: "%%"))",
      "--open-mode=append", "--requeue", "--nodes=1", "--ntasks=1",
      "--cpus-per-task=\(max(1, resources.cores ?? 1))",
    ]
    if let memory = resources.memory { words.append("--mem=\(max(1, (memory + (1 << 20) - 1) >> 20))M") }
    if let gpus = resources.gpus, gpus > 0 { words.append("--gres=gpu:\(gpus)") }
    if let seconds { words.append("--time=\(seconds / 60):\(String(100 + seconds % 60).suffix(2))") }
    if let notice { words.append("--signal=B:USR1@\(notice)") }
    return words + settings.options
  }

  private func quoted(_ text: String) -> String { ShellText.quoted(text) }
}

/// What a user has set for jobs.
public struct SlurmSettings: Sendable {
  /// The brake that jobs run, absolute.
  public let executable: String
  public let version: String
  /// Further words for `sbatch`, such as `--partition=long`.
  public let options: [String]
  /// Lines of the job's script before brake is started, such as `module load cuda`.
  public let setup: [String]

  public init(executable: String, version: String, options: [String] = [], setup: [String] = []) {
    self.executable = executable
    self.version = version
    self.options = options
    self.setup = setup
  }
}
