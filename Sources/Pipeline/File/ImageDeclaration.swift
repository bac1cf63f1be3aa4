import Actions
import JSON

/// What `image:` of a stage says: the container image whose files its command sees in place of the machine's.
struct ImageDeclaration: Sendable {
  /// A file, an output of a stage or an artefact, as an input is given.
  let value: PipelineNode

  var inputs: [PipelineNode.Entry] {
    [PipelineNode.Entry(name: ShellCommand.imageInput, position: value.position, value: value)]
  }
}

extension ShellCommand {
  /// The input that is the container image of a command. No input of a stage's own has a dot in its name.
  package static let imageInput = "container.image"
}

extension PipelineReader {
  func image(
    _ fields: [StageField: PipelineNode], _ names: Set<String>
  ) throws(PipelineError) -> ImageDeclaration? {
    guard let node = fields[.image] else { return nil }
    guard let text = node.text, !node.isNull, !text.isEmpty else {
      throw PipelineError(
        "image: takes the path of a container image, not \(node.kind)", at: node.position,
        hint:
          "an OCI archive or layout, what docker save writes, or a .sif file of Apptainer: image: images/train.tar"
      )
    }
    if let sign = text.firstRange(of: "://") {
      let rest = text[sign.upperBound...]
      throw PipelineError(
        "image: takes a file, and no name of a registry: '\(text.excerpt)'", at: node.position,
        hint:
          "fetch it once: skopeo copy docker://\(rest.prefix(100)) oci-archive:image.tar, and write image: image.tar"
      )
    }
    try check(node, names: names)
    if let sandbox = fields[.sandbox], sandbox.json.bool == false {
      throw PipelineError(
        "image: needs the sandbox, which sandbox: false declines", at: sandbox.position,
        hint: "leave sandbox: out: the image takes the place of the machine's files by the sandbox")
    }
    for (field, hint) in [
      (StageField.python, "install what the command needs in the image, which has a Python of its own"),
      (.tools, "the programs are those of the image, all of which is part of the key"),
    ] {
      guard let value = fields[field] else { continue }
      throw PipelineError(
        "\(field.rawValue): says what of the machine the command uses, and with image: it uses nothing of that",
        at: value.position, hint: hint)
    }
    return ImageDeclaration(value: node)
  }
}
