import Foundation
import JSON
import Support
import Testing

/// Schedulers say with SIGTERM, or with SIGUSR1 where they are asked to, that a job is to end soon.
@Suite struct PreemptionTests {
  let folder = TemporaryFolder()

  /// A training that is called by a shell, as trainings are, and writes down what it is told.
  private func start(_ rest: String, retries: Int = 0) throws -> BrakeProcess {
    folder.write(
      """
      import os, signal, subprocess, sys, time
      def save(number, frame):
          # What it starts to save its work is left alone.
          subprocess.run(["sh", "-c", "sleep 0.3; echo %d > saved.txt" % number], check=True)
          print("saved", flush=True)
          sys.exit(0)
      signal.signal(signal.SIGTERM, save)
      signal.signal(signal.SIGUSR1, save)
      open("started.txt", "w").close()
      print("started", flush=True)
      time.sleep(300)
      """, to: "train.py")
    folder.write(
      """
      stages:
        train:
          run: |
            python3 ${in.script}
            echo "never said"
          in: { script: ./train.py }
          out: { o: o.txt }
          grace: 1m
          retries: \(retries)
          \(rest)
      """, to: "brake.yaml")
    return try run { hasStarted }
  }

  /// A run that is as far as it is to be.
  private func run(until isReady: () -> Bool) throws -> BrakeProcess {
    let brake = try BrakeProcess(["run"], in: folder)
    for _ in 0..<1000 {
      if isReady() { return brake }
      usleep(20_000)
    }
    // What it has started ends with it.
    brake.send(SIGKILL)
    Issue.record("it is not as far as it is to be: \(brake.wait().err)")
    throw CancellationError()
  }

  /// Whether the training has printed that it has.
  private var hasStarted: Bool {
    let paths = (try? FileManager.default.subpathsOfDirectory(atPath: folder["cache/tmp"])) ?? []
    return paths.contains {
      $0.hasSuffix("/log") && folder.text("cache/tmp/" + $0)?.contains("started") == true
    }
  }

  @Test(arguments: [SIGTERM, SIGUSR1], ["", "sandbox: false"])
  func `A training that is told that brake is to end saves its work`(signal: Int32, rest: String) throws {
    let brake = try start(rest)
    brake.send(signal)
    let run = brake.wait()
    #expect(run.status == 128 + signal)
    #expect(run.err.contains("interrupted"))
    #expect(try folder.shell("cat cache/failed/*/work/saved.txt").out == "\(signal)\n")
    #expect(try folder.shell("cat cache/failed/*/log").out == "started\nsaved\n")
    #expect(try folder.shell("find cache/tmp -type f").out == "")
    #expect(try folder.brake("verify").status == 0)
  }

  @Test func `Who is told to end tries nothing again`() throws {
    let brake = try start("", retries: 3)
    brake.send(SIGTERM)
    #expect(brake.wait().status == 128 + SIGTERM)
    #expect(try folder.shell("ls cache/failed | wc -l").out.contains("1"))
  }

  @Test(arguments: [SIGTERM, SIGKILL])
  func `A training in Python goes on from its last checkpoint, however brake ended`(signal: Int32) throws {
    let package = BrakeProcess.packageRoot + "/python"
    guard try folder.shell("PYTHONPATH='\(package)' python3 -c 'import brake'").status == 0 else { return }
    folder.write(
      """
      import os, sys, time
      sys.path.insert(0, sys.argv[1])
      import brake
      start = brake.resume("states")
      step = int(start.stem) if start else 0
      print("from", step, flush=True)
      while step < 6:
          step += 1
          brake.log(step, loss=1 / step)
          with brake.saving(f"states/{step}.txt") as file:
              file.write_text(f"state {step}")
          if step == 3 and not os.path.exists(sys.argv[2]):
              open(sys.argv[2] + ".reached", "w").close()
              time.sleep(300)
      with open("result.txt", "w") as result:
          for number in range(1, 7):
              result.write(open(f"states/{number}.txt").read() + "\\n")
      """, to: "train.py")
    folder.write(
      """
      stages:
        train:
          run: python3 ${in.script} '\(package)' '\(folder["go"])'
          in: { script: ./train.py }
          out: { result: result.txt, states: states/ }
          sandbox: false
      """, to: "brake.yaml")
    // Until what was announced is kept.
    let brake = try run { folder.exists("go.reached") && hasKept("states/3.txt") }
    brake.send(signal)
    #expect(brake.wait().status == 128 + signal)
    #expect(try folder.brake("log", "train").out.hasPrefix("from 0\n"), "what was printed is there")
    folder.write("", to: "go")
    let run = try folder.brake("run")
    #expect(run.status == 0, "\(run.err)")
    let printed = try folder.brake("log", "train").out
    #expect(printed.hasPrefix("from 0\n--- the attempt was stopped\nfrom 3\n"), "\(printed)")
    #expect(
      try folder.brake("cat", "train.result").out
        == "state 1\nstate 2\nstate 3\nstate 4\nstate 5\nstate 6\n")
    #expect(
      try folder.brake("provenance", "train.result").out.contains(
        "it went on once from what an attempt had saved")
    )
    #expect(
      try folder.brake("show", "train.result").out.contains("went on once from what an attempt had saved"))
    #expect(try folder.brake("provenance", "--json", "train.result").out.contains("\"resumed\":true"))
    #expect(try folder.brake("provenance", "--json", "train.result").out.contains("\"times_resumed\":1"))
    let read =
      "import brake; print([(m['resumed'], m['times_resumed']) for m in brake.open('train.result', 'cache').provenance()['made_by'].values()])"
    if try folder.shell("python3 -c 'import numpy, zstandard'").status == 0 {
      #expect(try folder.shell("PYTHONPATH='\(package)' python3 -c \"\(read)\"").out == "[(True, 1)]\n")
    }
    #expect(try folder.shell("ls -d cache/failed/*-saved").status != 0)
    #expect(try folder.brake("verify").status == 0)
  }

  /// It knows nothing of brake, and is not the last that its stage runs.
  @Test(arguments: [SIGTERM, SIGINT], ["", "sandbox: false"])
  func `A checkpoint that a script writes when it is told to end is there for the next run`(
    signal: Int32, rest: String
  ) throws {
    folder.write(
      """
      import glob, os, signal, sys, time
      os.makedirs("ckpt", exist_ok=True)
      found = sorted(glob.glob("ckpt/step_*.pt"))
      print("from", [open(path).read() for path in found], flush=True)
      def save(number, frame):
          with open("ckpt/step_7.pt", "w") as file:
              file.write("state 7")
          sys.exit(1)
      signal.signal(signal.SIGTERM, save)
      print("started", flush=True)
      if not found:
          time.sleep(300)
      open("out.txt", "w").close()
      """, to: "train.py")
    folder.write(
      """
      stages:
        train:
          run: |
            true
            python3 ${in.script}
            test -e out.txt
          in: { script: ./train.py }
          out: { o: out.txt, c: { folder: ckpt/, key: "step_*.pt", grows: true } }
          resume: true
          \(rest)
      """, to: "brake.yaml")
    let brake = try run { hasStarted }
    brake.send(signal)
    #expect(brake.wait().status == 128 + signal)
    let run = try folder.brake("run")
    #expect(run.status == 0, "\(run.err)")
    #expect(try folder.brake("log", "train").out.contains("from ['state 7']\n"))
  }

  @Test func `What a command printed is kept that was killed since it did not end`() throws {
    folder.write(
      """
      stages:
        train:
          run: |
            trap '' TERM; echo started; while true; do sleep 0.1; done
          grace: 1s
      """, to: "brake.yaml")
    let brake = try run { hasStarted }
    brake.send(SIGTERM)
    #expect(brake.wait().status == 128 + SIGTERM)
    #expect(try folder.brake("log", "train").out == "started\n")
  }

  private func hasKept(_ file: String) -> Bool {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder["cache/failed"])) ?? []
    return names.contains { $0.hasSuffix("-saved") && folder.exists("cache/failed/\($0)/\(file)") }
  }

  @Test func `A timeout and retries show in what is said`() throws {
    folder.write(
      """
      stages:
        s: { run: "echo here; sleep 300", timeout: 1s, retries: 1 }
      """, to: "brake.yaml")
    let run = try folder.brake("run")
    #expect(run.status == 2)
    #expect(
      run.err.contains("the command took longer than it may") && run.err.contains("attempt 1 of 2 failed"))
    #expect(
      try folder.brake("log", "s").out.contains(
        "here\n--- attempt 1 of 2 failed: the command took longer than it may\nhere\n"))
  }
}
