import ArgumentParser
import Testing

@testable import brake

@Suite struct PlainRunTests {
  private static func facts(_ run: Brake.Run) -> [String] {
    let workspace = run.pipeline.workspace
    let texts = [run.pipeline.file, workspace.folder, workspace.store, run.events, run.trace]
    let flags = [
      run.keepGoing, run.dryRun, run.always, run.question, run.json, run.watch, run.checkDeterminism,
    ]
    return texts.map { "\($0 as String?)" } + ["\(run.jobs.jobs as Int?)"] + flags.map { "\($0)" }
      + run.given.arguments
  }

  @Test(arguments: [
    "", "run", "fit", "run fit", "fit[14M] seed=3", "-j4", "-j 4 fit",
    "run -C folder -f file.yaml --store s -k a b=c",
    "a -k", "-f x a", "run a -j 12", "-C . run", "-f x log", "log", "help", "--help", "--version", "a log",
    "-j0", "-j x",
    "-j", "-f", "-f -x", "-k -k", "-j2 -j3", "-f a -f b", "-n", "run -B", "--file x", "-fx", "-j=4", "-- a",
    "-- -a", "status",
    "run run", "-kj4", "-q", "--jobs 3", "a -C b -- -c", "-C a -C b",
  ])
  func `What is asked for plainly is read as ArgumentParser reads it`(line: String) {
    let arguments = line.split(separator: " ").map(String.init)
    guard let plain = Brake.Run(plain: arguments) else { return }
    let parsed = try? Brake.parseAsRoot(LeadingOptions(for: arguments).moved(arguments)) as? Brake.Run
    #expect(parsed.map(Self.facts) == Self.facts(plain))
  }

  @Test(arguments: ["", "run", "a", "run -j 4 a", "-f x", "-C a --store b -k c d=e"])
  func `The plainest ways need no ArgumentParser`(line: String) {
    #expect(Brake.Run(plain: line.split(separator: " ").map(String.init)) != nil)
  }
}
