import Actions
import Artefacts
import Glibc
import Pipeline
import System

/// Turns stage instances into actions: finds out what their inputs are at this moment.
struct ActionResolver: Sendable {
  let root: String
  let store: Store
  let files: StatCache
  let tools: ToolIdentities
  let environments: PythonEnvironments
  let images: ContainerImages
  let trust: Trust

  /// - Parameters:
  ///   - producers: the instances that this one depends on, by name.
  ///   - isLooking: whether nothing is to be run, so that what a run would most likely find is good enough.
  ///   - suggestion: the stage that was probably meant by a source that is neither a stage nor a file.
  func action(
    for instance: StageInstance, producers: [String: Producer], isLooking: Bool = false,
    suggestion: @escaping (String) -> String?
  ) throws -> Action {
    let resolution = Resolution(
      resolver: self, instance: instance, producers: producers, suggestion: suggestion)
    var inputs = try instance.inputs.map(resolution.input)
    let image = try images.take(from: &inputs, of: instance)
    if case .command = instance.work { try PlaceCheck(instance: instance).check(inputs) }
    let python = try environments.environment(of: instance, reading: inputs, isLooking: isLooking)
    return try Action(
      instance: instance, inputs: inputs, tools: try identities(of: instance, in: python), python: python,
      image: image, system: try systemIdentity(of: instance), marks: try marks(instance, behind: inputs))
  }

  private func marks(_ instance: StageInstance, behind inputs: [ActionInput]) throws -> StageMarks {
    guard instance.work.tellsHowStagesRan else { return StageMarks() }
    return try StageMarks(of: store, behind: inputs.flatMap(\.members).map(\.artefact.digest)) {
      try trust.refusal(of: $0, in: store) == nil
    }
  }

  private func systemIdentity(of instance: StageInstance) throws -> Digest? {
    guard case .operation(let operation, _) = instance.work else { return nil }
    return try tools.systemIdentity(of: operation)
  }

  private func identities(
    of instance: StageInstance, in python: PythonEnvironments.Found?
  ) throws -> [String: String] {
    let wanted = instance.work.tools
    if wanted.isEmpty { return [:] }
    // The program that the command would start: in its own PATH, if its stage sets one.
    let environment = instance.work.visibleEnvironment(python: python?.folder)
    return try Dictionary(
      uniqueKeysWithValues: wanted.map {
        (
          $0.key,
          try tools.identity(
            of: $0.key, version: $0.value, seeing: environment, in: environment["PATH"], at: instance)
        )
      })
  }
}

/// An instance that is done, as those see it that read its outputs.
struct Producer: Sendable {
  let declarations: [OutputDeclaration]
  /// The key of a link of a chain.
  let link: String?
  let outputs: [Record.Output]
}

/// The resolution of one instance's inputs.
private struct Resolution {
  let resolver: ActionResolver
  let instance: StageInstance
  let producers: [String: Producer]
  let suggestion: (String) -> String?

  func input(_ input: StageInstance.Input) throws -> ActionInput {
    switch input.source {
    case .members, .collection:
      let members = try members(input.source, of: input, prefix: [])
      return ActionInput(name: input.name, members: members, isCollection: true)
    case .file, .artefact, .output:
      let member = try member(input.source, of: input, key: nil)
      return ActionInput(name: input.name, members: [member], isCollection: false)
    }
  }

  /// All artefacts of a source, with the keys of nested collections joined by commas.
  private func members(
    _ source: InputSource, of input: StageInstance.Input, prefix: [String]
  ) throws -> [ActionInput.Member] {
    switch source {
    case .file, .artefact, .output:
      return [try member(source, of: input, key: prefix.joined(separator: ","))]
    case .members(let producer, let output):
      return outputs(of: producer).filter { $0.name == output }.map {
        let key = (prefix + [$0.key ?? ""]).joined(separator: ",")
        return member($0, of: producer, key: key, prefix: prefix.joined(separator: ","), of: input)
      }
    case .collection(let members):
      return try members.flatMap { try self.members($0.source, of: input, prefix: prefix + [$0.key]) }
    }
  }

  private func member(
    _ source: InputSource, of input: StageInstance.Input, key: String?
  ) throws -> ActionInput.Member {
    switch source {
    case .file(let name):
      return ActionInput.Member(
        key: key, artefact: try artefact(ofFile: name, for: input),
        origin: .workspace(name: name, path: absolute(name)),
        place: place(ofFile: name, in: folder(input, key)),
        isExecutable: isCommand ? try resolver.store.files.isExecutable(absolute(name)) : false)
    case .artefact(let digest):
      return ActionInput.Member(
        key: key, artefact: try artefact(digest, for: input), origin: .store, place: folder(input, key),
        isExecutable: false)
    case .output(let producer, let output, let member):
      guard
        let found = outputs(of: producer).first(where: { $0.name == output && $0.key == member })
      else {
        let keys = outputs(of: producer).filter { $0.name == output }.compactMap(\.key)
        throw error(
          "\(producer).\(output) has no member '\(member ?? "")'", input,
          hint: keys.isEmpty ? nil : "it has: \(keys.joined(separator: ", "))")
      }
      return self.member(found, of: producer, key: key, prefix: nil, of: input)
    case .members, .collection:
      throw error("takes one artefact where several are given", input, hint: nil)
    }
  }

  /// An artefact that a stage has made. A member of a keyed output keeps the name of its file.
  ///
  /// - Parameters:
  ///   - key: among the artefacts of the input.
  ///   - prefix: what stands before the member's own key in `key`, if that is known.
  private func member(
    _ output: Record.Output, of producer: String, key: String?, prefix: String?,
    of input: StageInstance.Input
  ) -> ActionInput.Member {
    let producer = producers[producer]
    let declaration = producer?.declarations.first { $0.name == output.name }
    let place: String
    if let memberKey = output.key ?? producer?.link {
      let file = declaration.map {
        output.key == nil ? memberKey + $0.fileExtension : $0.fileName(of: output)
      }
      let prefix = prefix ?? Resolution.prefix(of: key ?? memberKey, before: memberKey)
      place = folder(input, prefix.isEmpty ? nil : prefix) + "/" + (file ?? memberKey)
    } else {
      place = folder(input, key) + (declaration?.fileExtension ?? "")
    }
    return ActionInput.Member(
      key: key, artefact: output.artefact, origin: .store, place: place, isExecutable: output.isExecutable)
  }

  /// Of `47k,256` before `256`: `47k`.
  private static func prefix(of key: String, before member: String) -> String {
    if key == member { return "" }
    return key.hasSuffix("," + member) ? String(key.dropLast(member.count + 1)) : key
  }

  private var isCommand: Bool { if case .command = instance.work { true } else { false } }

  private func outputs(of instance: String) -> [Record.Output] { producers[instance]?.outputs ?? [] }

  private func folder(_ input: StageInstance.Input, _ key: String?) -> String {
    "in/\(input.name)" + (key.map { "/\($0)" } ?? "")
  }

  private func absolute(_ name: String) -> String {
    name.hasPrefix("/") ? name : resolver.root + "/" + name
  }

  /// A command sees a file of the workspace under its own path, one from elsewhere under `in/`.
  private func place(ofFile name: String, in folder: String) -> String {
    var parts: [Substring] = []
    var isOutside = name.hasPrefix("/")
    for part in name.split(separator: "/") where part != "." {
      if part != ".." { parts.append(part) } else if parts.popLast() == nil { isOutside = true }
    }
    guard isOutside || parts.isEmpty else { return parts.joined(separator: "/") }
    return parts.last.map { "\(folder)/\($0)" } ?? folder
  }

  /// Whether the store is this folder, or lies in it.
  private func holdsStore(_ path: String) -> Bool {
    let files = resolver.store.files
    guard let status = try? files.entry(path), status.isFolder || status.isLink,
      let folder = try? files.realPath(path)
    else { return false }
    // The store may not be made yet.
    let root = resolver.store.root
    let parent = root.lastIndex(of: "/").map { $0 == root.startIndex ? "/" : String(root[..<$0]) } ?? "."
    guard let store = (try? files.realPath(root)) ?? (try? files.realPath(parent)) else { return false }
    return folder == store || folder == "/" || store.hasPrefix(folder + "/")
  }

  private func artefact(ofFile name: String, for input: StageInstance.Input) throws -> Artefact {
    if holdsStore(absolute(name)) {
      throw error(
        "the folder '\(name)' holds the store, and would be other bytes after every run", input,
        hint: "name the files and folders in it that the stage reads")
    }
    do {
      return try resolver.files.artefact(at: absolute(name))
    } catch let failure as Failure where failure.code == .notFound {
      throw error(
        "no file or folder '\(name)'", input,
        hint: suggestion(name).map { "did you mean the stage '\($0)'?" }
          ?? "paths are relative to \(resolver.root == "." ? "the current folder" : resolver.root)")
    } catch let failure as Failure {
      throw error(failure.headline, input, hint: failure.hint)
    }
  }

  private func artefact(_ digest: Digest, for input: StageInstance.Input) throws -> Artefact {
    do {
      return try resolver.store.artefact(digest)
    } catch let failure as Failure {
      throw error(failure.headline, input, hint: failure.hint)
    }
  }

  private func error(
    _ headline: String, _ input: StageInstance.Input, hint: String?
  ) -> PipelineError {
    PipelineError(
      headline, at: instance.position,
      facts: [("stage", instance.name), ("input", input.name)], hint: hint)
  }
}

extension OutputDeclaration {
  /// `.json` of `fit.json`.
  fileprivate var fileExtension: String {
    guard let dot = file.lastIndex(of: "."), !file[dot...].contains("/") else { return "" }
    return String(file[dot...])
  }
}
