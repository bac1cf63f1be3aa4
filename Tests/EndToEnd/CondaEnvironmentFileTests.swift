import Foundation
import Support
import Testing

/// Environments of an `environment.yml`: of packages that the tests write, which rattler resolves and installs as it does published ones.
@Suite(.enabled(if: PythonSamples.hasRattler, "rattler is not installed"))
struct CondaEnvironmentFileTests {
  private let folder = TemporaryFolder()

  init() throws {
    folder.write(
      """
      stages:
        s:
          run: |
            python3 -c "import thing; print(thing.value)" > ${out.out}
            cat "$CONDA_PREFIX/share/gold.txt" >> ${out.out}
            python3 -c "import more; print(more.value)" >> ${out.out} || true
          python: { environment: env/lab.yml }
          out: { out: o.txt }

      """, to: "brake.yaml")
    // A Python that has rattler, as the only one and beside no conda.
    try #require(
      try folder.shell("mkdir bin && ln -s \"$(command -v rattler-python)\" bin/python3").status == 0)
  }

  private func write(_ dependencies: String..., channel: String = "file:///nowhere", more: String = "") {
    let list = dependencies.map { "  - \($0)\n" }.joined()
    folder.write(
      "name: lab\nprefix: /nowhere\nchannels: [\"\(channel)\"]\ndependencies:\n\(list)\(more)",
      to: "env/lab.yml")
  }

  private func brake(_ arguments: String..., searchPath: String? = nil) throws -> BrakeProcess {
    let variables = [
      "PATH": searchPath ?? folder["bin"] + ":/usr/bin:/bin", "RATTLER_CACHE_DIR": folder["packages"],
    ]
    return try BrakeProcess(arguments, in: folder, environment: variables)
  }

  @Test
  func `An environment is made of its file once, also for two at once, and another when the file changes`()
    throws
  {
    let channel = try CondaSamples.writeChannel(in: folder)
    write("thing=1.5", "gold", channel: channel, more: "variables: { LAB: here }\n")
    let both = try [brake("run"), brake("run")].map { $0.wait() }
    #expect(both.allSatisfy { $0.status == 0 }, "\(both)")
    let said = both.map(\.err).joined()
    #expect(said.components(separatedBy: "makes the Python environment of env/lab.yml").count == 2, "\(said)")
    #expect(said.contains("'variables:'") && said.contains("(LAB)"))
    #expect(try brake("cat", "s").wait().out == "5\ngold\n")

    let again = try brake("run").wait()
    #expect(again.out.contains("1 hit") && !again.err.contains("the Python environment"), "\(again)")
    #expect(try brake("status").wait().out.contains("all up to date"))
    // The key holds what stands in the environment.
    let provenance = try brake("provenance", "s", "--json").wait().out
    #expect(provenance.contains("\"conda thing\":\"1.5 pyh_0\""), "\(provenance)")

    // Where pip has something to do, it does it there.
    let wheel = try PythonSamples.wheel("more", "1.0", value: 8, in: folder)
    let wheels = URL(fileURLWithPath: wheel).deletingLastPathComponent().path
    write(
      "thing", "gold=2", "pip: [--no-index, --find-links \(wheels), more==1.0]", channel: channel)
    let changed = try brake("run").wait()
    #expect(changed.status == 0 && changed.out.contains("1 ran"), "\(changed)")
    #expect(try brake("cat", "s").wait().out == "6\ngold\n8\n")
    let why = try brake("why", "s").wait().out
    #expect(why.contains("conda thing") && why.contains("1.6 pyh_0"), "\(why)")

    // Another one for a machine that is said to have what this one has not.
    let elsewhere = try BrakeProcess(
      ["run"], in: folder,
      environment: [
        "PATH": folder["bin"] + ":/usr/bin:/bin", "RATTLER_CACHE_DIR": folder["packages"],
        "CONDA_OVERRIDE_CUDA": "12.4",
      ]
    ).wait()
    #expect(elsewhere.err.contains("makes the Python environment of env/lab.yml"), "\(elsewhere)")
    // What is the same there is the same result.
    #expect(elsewhere.out.contains("1 hit"), "\(elsewhere)")

    write("thing", "silver", channel: channel)
    let unknown = try brake("run").wait()
    #expect(unknown.status == 2 && unknown.err.contains("cannot be made"), "\(unknown)")
    #expect(unknown.err.contains("silver") && unknown.err.contains("log "), "\(unknown)")
    write("gold", channel: channel)
    let bare = try brake("run").wait()
    #expect(
      bare.status == 2 && bare.err.contains("there is no Python in the environment of env/lab.yml"), "\(bare)"
    )
  }

  @Test func `Where nothing is there that makes environments, the error says what to install`() throws {
    write("python")
    let shell = try folder.shell("mkdir none && python3 -m venv --without-pip plain")
    try #require(shell.status == 0, "\(shell)")
    for searchPath in [folder["none"], folder["plain/bin"]] {
      let run = try brake("run", searchPath: searchPath).wait()
      #expect(run.status == 2, "\(run)")
      #expect(run.err.contains("there is no micromamba, mamba or conda"), "\(run)")
      #expect(run.err.contains("pip install py-rattler"), "\(run)")
    }
  }
}
