import Actions
import JSON
import PlanSupport
import Testing

@testable import Pipeline

@Suite struct ImageStageTests {
  @Test func `An image is an input that the command does not find in its folder`() throws {
    let plan = try plan(
      """
      params: { kind: small }
      stages:
        file: { run: x, image: "images/${kind}.tar" }
        build: { run: "x ${out.image}", out: { image: image.tar } }
        made: { run: x, image: build.image }
      """)
    for (name, source) in [
      ("file", InputSource.file("images/small.tar")),
      ("made", .output(instance: "build", output: "image", key: nil)),
    ] {
      let instance = try #require(plan[name])
      #expect(instance.inputs.map(\.name) == ["container.image"])
      #expect(instance.inputs.map(\.source) == [source])
      #expect(plan.command(name)?.hasImage == true)
      let read = try StageInstance(instance.json, registry: OperationRegistry([]))
      #expect(read.json == instance.json)
    }
    #expect(plan.command("build")?.hasImage == false)
  }

  @Test(arguments: [
    ("image: [a, b]", "image: takes the path of a container image, not a list"),
    ("image:", "image: takes the path of a container image, not nothing"),
    ("image: docker://python:3.12", "skopeo copy docker://python:3.12 oci-archive:image.tar"),
    ("image: a.tar\n    sandbox: false", "image: needs the sandbox"),
    ("image: a.tar\n    sandbox: False", "image: needs the sandbox"),
    ("image: a.tar\n    sandbox: FALSE", "image: needs the sandbox"),
    ("image: a.tar\n    python: { venv: .venv }", "python: says what of the machine the command uses"),
    ("image: a.tar\n    tools: [git]", "tools: says what of the machine the command uses"),
    ("image: \"${nothing}\"", "nothing"),
  ])
  func `What cannot be an image, or be with one, is refused in words`(field: String, message: String) throws {
    let error = planError("stages:\n  s:\n    run: x\n    \(field)\n")
    #expect(error.hasPrefix("p.yaml:") && error.contains(message), "\(error)")
  }
}
