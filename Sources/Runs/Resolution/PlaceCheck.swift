import Actions
import Artefacts
import Pipeline

/// Refuses a command two of whose inputs and outputs would stand at one place in its folder, or one inside the other: one of
/// them would be read or written in place of the other.
struct PlaceCheck {
  private struct Claim {
    let input: ActionInput
    let member: ActionInput.Member
  }

  let instance: StageInstance

  func check(_ inputs: [ActionInput]) throws(PipelineError) {
    // Texts that differ only in Unicode's normal forms are equal here, as they are for some file systems.
    var claims: [String: Claim] = [:]
    for input in inputs {
      for member in input.members {
        let claim = Claim(input: input, member: member)
        guard let other = claims.updateValue(claim, forKey: member.place) else { continue }
        if !claim.member.isSame(as: other.member) { throw clash(other, claim) }
      }
    }
    for claim in inputs.flatMap({ input in input.members.map { Claim(input: input, member: $0) } }) {
      let place = claim.member.place
      for index in place.utf8.indices where place.utf8[index] == UInt8(ascii: "/") {
        if let folder = claims[String(place[..<index])] { throw inside(claim, folder) }
      }
      for output in instance.outputs {
        if output.claims(place) || output.place == place || output.place.hasPrefix(place + "/") {
          throw error(
            output.place == place
              ? "'\(place)' is both an input and an output"
              : "the input '\(claim.input.name)' and the output '\(output.name)' overlap",
            [("input", place), ("output", output.file)], "give the output another name under out:")
        }
      }
    }
  }

  private func clash(_ first: Claim, _ second: Claim) -> PipelineError {
    let place = second.member.place
    if first.member.place.utf8.elementsEqual(place.utf8) {
      return error(
        "two inputs would stand at one place in the command's folder",
        [("place", place)] + facts(first, second),
        "give the input that comes from elsewhere another name, or the file another path")
    }
    return error(
      "the names of two inputs differ only in Unicode's normal form, and many file systems take them for one",
      [first, second].map { (label($0), PlaceCheck.escaped($0.member.place)) }, "rename one of the two")
  }

  private func inside(_ inner: Claim, _ folder: Claim) -> PipelineError {
    let rest = inner.member.place.dropFirst(folder.member.place.count)
    return error(
      "the input '\(inner.input.name)' would stand inside the input '\(folder.input.name)'",
      facts(folder, inner),
      "leave out '\(inner.input.name)' and use ${in.\(folder.input.name)}\(rest), or take it from elsewhere")
  }

  private func facts(_ first: Claim, _ second: Claim) -> [(label: String, value: String)] {
    [first, second].map { claim in
      if case .workspace(let name, _) = claim.member.origin { return (label(claim), name) }
      return (label(claim), claim.member.artefact.digest.description)
    }
  }

  private func label(_ claim: Claim) -> String {
    "input \(claim.input.name)" + (claim.member.key.map { "[\($0)]" } ?? "")
  }

  private static func escaped(_ text: String) -> String {
    text.unicodeScalars.map { $0.escaped(asASCII: true) }.joined()
  }

  private func error(
    _ headline: String, _ facts: [(label: String, value: String)], _ hint: String
  ) -> PipelineError {
    PipelineError(headline, at: instance.position, facts: [("stage", instance.name)] + facts, hint: hint)
  }
}

extension ActionInput.Member {
  /// Whether the two can stand at their place together, because they are the same.
  fileprivate func isSame(as other: ActionInput.Member) -> Bool {
    place.utf8.elementsEqual(other.place.utf8) && artefact == other.artefact
      && isExecutable == other.isExecutable
  }
}
