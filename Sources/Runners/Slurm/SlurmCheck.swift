public import Artefacts
public import System

/// Finds out whether actions of a workspace can run as jobs of the cluster, with a job that does nothing.
public struct SlurmCheck: Sendable {
  /// One thing that was looked at.
  public struct Finding: Sendable {
    public let topic: String
    public let text: String
    public let isGood: Bool
    /// Names and numbers of what went wrong.
    public let facts: [Failure.Fact]
    /// What to do about it.
    public let hint: String?

    init(
      _ topic: String, _ text: String, isGood: Bool = true, facts: [Failure.Fact] = [], hint: String? = nil
    ) {
      self.facts = facts
      self.topic = topic
      self.text = text
      self.isGood = isGood
      self.hint = hint
    }
  }

  private let store: Store
  private let root: String
  private let settings: SlurmSettings

  /// - Parameter root: the workspace, absolute.
  public init(store: Store, root: String, settings: SlurmSettings) {
    self.store = store
    self.root = root
    self.settings = settings
  }

  /// Looks at one thing after the other, and ends at the first that the next ones need and that is not good.
  /// - Parameters:
  ///   - patience: for how long the job may wait and run.
  ///   - tell: called with each finding.
  ///   - report: called with what the job waits for.
  /// - Returns: whether all is good.
  public func run(
    within patience: Duration, tell: (Finding) throws -> Void, report: (String) -> Void
  ) async throws -> Bool {
    let before = [programs(), controller()]
    for finding in before {
      try tell(finding)
      if !finding.isGood { return false }
    }
    let job = try await testJob(within: patience, report)
    for finding in job { try tell(finding) }
    let left = leftJobs()
    for finding in left { try tell(finding) }
    return (job + left).allSatisfy(\.isGood)
  }

  private func programs() -> Finding {
    do {
      var versions: Set<String> = []
      for program in ["sbatch", "squeue", "scancel"] {
        versions.insert(SlurmCheck.firstLine(try SlurmCommands.run(program, ["--version"])))
      }
      return Finding("programs", "sbatch, squeue and scancel, \(versions.sorted().joined(separator: ", "))")
    } catch { return SlurmCheck.failed("programs", error) }
  }

  private func controller() -> Finding {
    do {
      let text = try SlurmCommands.run("sinfo", ["--noheader", "--format=%P|%D|%l|%a"])
      let partitions = text.split(separator: "\n").compactMap { line -> String? in
        let parts = line.split(separator: "|")
        guard parts.count == 4, parts[3] == "up" else { return nil }
        return "\(parts[0]) (\(parts[1]) nodes, limit \(parts[2]))"
      }
      if partitions.isEmpty {
        return Finding("controller", "there is no partition that is up", isGood: false, hint: "see: sinfo")
      }
      return Finding("controller", "answers; partitions: \(partitions.joined(separator: ", "))")
    } catch { return SlurmCheck.failed("controller", error) }
  }

  // MARK: The job

  private func testJob(within patience: Duration, _ report: (String) -> Void) async throws -> [Finding] {
    let files = store.files
    // Not in this process's folder in tmp/, which others may take away while the job waits for long.
    let folder = "\(store.root)/index/jobs/check-\(ProcessFolder.randomName().prefix(12))\(JobFolder.suffix)"
    try store.makeFolders(folder)
    defer { files.removeAll(folder) }
    let place = try files.realPath(folder) ?? folder
    let token = ProcessFolder.randomName()
    try files.write(Array(token.utf8), to: place + "/token")
    let start = ContinuousClock.now
    let number: Int
    do {
      let text = try SlurmCommands.run(
        "sbatch",
        [
          "--parsable", "--job-name=brake-check", "--output=\(place.replacing("%", with: "%%"))/slurm.log",
          "--nodes=1", "--ntasks=1", "--time=5",
        ] + settings.options, input: script(place))
      guard let job = text.split(whereSeparator: { $0 == ";" || $0.isWhitespace }).first.flatMap({ Int($0) })
      else { return [Finding("test job", "sbatch printed '\(SlurmCheck.firstLine(text))'", isGood: false)] }
      number = job
    } catch {
      return [
        SlurmCheck.failed(
          "test job", error, hint: "slurm-options: in brake's configuration is added to sbatch")
      ]
    }
    defer { _ = try? SlurmCommands.run("scancel", ["--quiet", String(number)]) }
    return try await follow(number, in: place, token: token, since: start, within: patience, report)
  }

  private func script(_ place: String) -> [UInt8] {
    let program = ShellText.quoted(settings.executable)
    let lines =
      ["#!/bin/sh", "cd \(ShellText.quoted(root)) || exit 90"] + settings.setup + [
        "[ -x \(program) ] || { echo \(ShellText.quoted("this node does not see the program \(settings.executable)")) >&2; exit 91; }",
        "cd \(ShellText.quoted(place)) || exit 92",
        "{ cat token && echo && hostname && \(program) --version; } > answer.new; mv answer.new answer",
      ]
    return Array((lines.joined(separator: "\n") + "\n").utf8)
  }

  private func follow(
    _ number: Int, in place: String, token: String, since start: ContinuousClock.Instant,
    within patience: Duration, _ report: (String) -> Void
  ) async throws -> [Finding] {
    var ended: (text: String, at: ContinuousClock.Instant)?
    var state = "submitted"
    while ContinuousClock.now - start < patience {
      if let bytes = try store.files.contents(of: place + "/answer", limit: 4096) {
        return judge(String(decoding: bytes, as: UTF8.self), token, number, seconds: start.seconds)
      }
      if let ended, ContinuousClock.now - ended.at > .seconds(20) {
        return [failure(number, ended.text, place)]
      }
      switch (try? SlurmQueue.states(of: [number]))?[number] {
      case .ended(let text, _): ended = ended ?? (text, .now)
      case let other?: state = other.words
      case nil: break
      }
      report("job \(number) \(state)")
      try await Task.sleep(for: .milliseconds(500))
    }
    return [
      Finding(
        "test job", "job \(number) has not ended after \(patience.components.seconds) s; it \(state)",
        isGood: false, hint: "wait longer with --timeout, or see: scontrol show job \(number)")
    ]
  }

  private func judge(_ text: String, _ token: String, _ number: Int, seconds: Double) -> [Finding] {
    let lines = text.split(separator: "\n").map(String.init)
    guard lines.count >= 2, lines[0] == token else {
      return [
        Finding(
          "store", "the node does not see what this machine has written", isGood: false,
          hint: "the store and the workspace have to stand on a file system that all nodes share")
      ]
    }
    let time = "\(Int(seconds * 10) / 10).\(Int(seconds * 10) % 10) s"
    var findings = [
      Finding("test job", "job \(number) ran on \(lines[1]); its answer was there after \(time)"),
      Finding("store", "\(lines[1]) sees \(store.root), the workspace and brake"),
    ]
    guard lines.count == 3 else {
      let text = "\(settings.executable) does not start on \(lines[1])"
      let hint = "it may lack a library there; slurm-setup: in brake's configuration can load modules"
      return findings + [Finding("brake", text, isGood: false, hint: hint)]
    }
    let isSame = lines[2] == settings.version
    findings.append(
      Finding(
        "brake", isSame ? "\(lines[2]) there as here" : "\(lines[2]) there, and \(settings.version) here",
        isGood: isSame, hint: isSame ? nil : "install the same brake on all nodes of the cluster"))
    return findings
  }

  private func failure(_ number: Int, _ state: String, _ place: String) -> Finding {
    let printed = (try? store.files.end(of: place + "/slurm.log", limit: 2048)) ?? nil
    let last = String(decoding: printed ?? [], as: UTF8.self).split(whereSeparator: \.isNewline).last
    let text = "job \(number) ended as \(state) and left no answer" + (last.map { ": \($0)" } ?? "")
    return Finding(
      "test job", text, isGood: false,
      hint:
        "the store, the workspace and brake have to stand under the same paths on the nodes; see: scontrol show job \(number)"
    )
  }

  // MARK: What is left

  /// Jobs of this user for which no brake waits. The next run that wants what they do goes on with them.
  private func leftJobs() -> [Finding] {
    let leases = Leases(of: store)
    let left = ((try? JobFolder(of: store).all()) ?? []).filter { leases.about($0.key) == nil }
    return Set(left.map(\.job)).sorted().compactMap { name in
      guard let number = (try? SlurmQueue.number(ofJob: name)) ?? nil,
        let state = (try? SlurmQueue.states(of: [number]))?[number]
      else { return nil }
      if case .ended = state { return nil }
      return Finding(
        "left", "job \(number) (\(name)) does what no brake waits for",
        hint: "the run that wants it next goes on with it; to end it: scancel \(number)")
    }
  }

  static func failed(_ topic: String, _ error: any Error, hint: String? = nil) -> Finding {
    switch error {
    case let error as SlurmCommands.Failed:
      Finding(topic, firstLine(error.complaint), isGood: false, hint: hint)
    case let failure as Failure:
      Finding(topic, failure.headline, isGood: false, facts: failure.facts, hint: failure.hint ?? hint)
    default: Finding(topic, "\(error)", isGood: false, hint: hint)
    }
  }

  private static func firstLine(_ text: String) -> String {
    text.split(whereSeparator: \.isNewline).first.map { String($0.prefix(300)) } ?? "nothing"
  }
}

extension ContinuousClock.Instant {
  fileprivate var seconds: Double { (ContinuousClock.now - self) / .seconds(1) }
}
