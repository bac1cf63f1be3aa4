import Actions
import JSON
import Pipeline
import PlanSupport
import Testing

@Suite struct PythonStageTests {
  @Test func `A stage names its Python environment, also by its variables`() throws {
    let plan = try plan(
      """
      params: { file: needs.txt }
      stages:
        s:
          for: { x: [a, b] }
          run: x
          python: { venv: "envs/${x}" }
        made: { run: x, python: { requirements: "${file}" } }
        locked: { run: x, python: { lock: "env/uv.lock" } }
        made-by-conda: { run: x, python: { environment: "${file}" } }
        theirs: { run: x, python: { conda: "/opt/${file}" } }
      """)
    #expect(plan.command("s[b]")?.python == .folder("envs/b"))
    #expect(plan.command("made")?.python == .requirements(input: "python.requirements"))
    let made = try #require(plan["made"])
    #expect(made.inputs.map(\.name) == ["python.requirements"])
    #expect(made.inputs.map(\.source) == [.file("needs.txt")])
    #expect(plan.command("made-by-conda")?.python == .environment(input: "python.environment"))
    #expect(plan["made-by-conda"]?.inputs.map(\.source) == [.file("needs.txt")])
    #expect(plan.command("theirs")?.python == .conda("/opt/needs.txt"))
    #expect(plan.command("locked")?.python == .lock(input: "python.lock", project: "python.project"))
    let locked = try #require(plan["locked"])
    #expect(locked.inputs.map(\.source) == [.file("env/uv.lock"), .file("env/pyproject.toml")])
    for name in ["s[a]", "made", "locked", "made-by-conda", "theirs"] {
      let instance = try #require(plan[name])
      let read = try StageInstance(instance.json, registry: OperationRegistry([]))
      #expect(read.json == instance.json)
      #expect(instance.json["command"]?["python"]?.array?.count == (name == "locked" ? 3 : 2))
    }
  }

  @Test(arguments: [
    ("python: .venv", "python: takes one of venv, conda, requirements, lock and environment, not '.venv'"),
    ("python: {}", "python: takes one of venv, conda, requirements, lock and environment, not 0 of them"),
    ("python: { venv: a, requirements: b }", "not 2 of them"),
    ("python: { poetry: b }", "python: has no 'poetry:'"),
    ("python: { environment: { name: b } }", "environment: takes a path, not a mapping"),
    ("python: { conda: [b] }", "conda: takes a path, not a list"),
    ("python: { venv: [a] }", "venv: takes a path, not a list"),
    ("python: { requirements: }", "requirements: takes a path, not nothing"),
    ("python: { lock: pylock.toml }", "the path of a file that is called uv.lock, not 'pylock.toml'"),
    ("python: { lock: \"${nothing}/uv.lock\" }", "nothing"),
    ("python: { venv: \"${nothing}\" }", "nothing"),
  ])
  func `What names no environment is refused`(field: String, message: String) throws {
    let error = planError("stages:\n  s:\n    run: x\n    \(field)\n")
    #expect(error.hasPrefix("p.yaml:4:") && error.contains(message), "\(error)")
  }

  @Test func `Only commands have a Python environment`() {
    let error = planError("stages:\n  s:\n    op: curve.fit\n    python: { venv: .venv }\n")
    #expect(error.contains("python: is for run: stages"), "\(error)")
  }
}
