import Artefacts
import Glibc

/// Turns stage instances into actions: finds out what their inputs are at this moment.
struct ActionResolver: Sendable {
  let root: String
  let store: Store
  let files: StatCache
  let tools: ToolIdentities

  /// - Parameters:
  ///   - instances: all of the plan, by name.
  ///   - results: the outputs of all instances that this one depends on.
  func action(
    for instance: StageInstance, among instances: [String: StageInstance], of plan: Plan,
    results: [String: [Record.Output]]
  ) throws -> Action {
    let resolution = Resolution(
      resolver: self, instance: instance, instances: instances, plan: plan, results: results)
    let inputs = try instance.inputs.map(resolution.input)
    return Action(instance: instance, inputs: inputs, tools: try identities(of: instance))
  }

  private func identities(of instance: StageInstance) throws -> [String: String] {
    try Dictionary(
      uniqueKeysWithValues: instance.work.tools.map {
        ($0.key, try tools.identity(of: $0.key, version: $0.value, at: instance))
      })
  }
}

/// The resolution of one instance's inputs.
private struct Resolution {
  let resolver: ActionResolver
  let instance: StageInstance
  let instances: [String: StageInstance]
  let plan: Plan
  let results: [String: [Record.Output]]

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
    case .members(let instance, let output):
      let type = fileExtension(of: output, of: instance)
      return outputs(of: instance).filter { $0.name == output }.map {
        let key = (prefix + [$0.key ?? ""]).joined(separator: ",")
        return ActionInput.Member(
          key: key, artefact: $0.artefact, origin: .store, place: "in/\(input.name)/\(key)\(type)")
      }
    case .collection(let members):
      return try members.flatMap { try self.members($0.source, of: input, prefix: prefix + [$0.key]) }
    }
  }

  private func member(
    _ source: InputSource, of input: StageInstance.Input, key: String?
  ) throws -> ActionInput.Member {
    let place = "in/\(input.name)" + (key.map { "/\($0)" } ?? "")
    switch source {
    case .file(let name):
      return ActionInput.Member(
        key: key, artefact: try artefact(ofFile: name, for: input),
        origin: .workspace(name: name, path: absolute(name)), place: self.place(ofFile: name, in: place))
    case .artefact(let digest):
      return ActionInput.Member(
        key: key, artefact: try artefact(digest, for: input), origin: .store, place: place)
    case .output(let producer, let output, let member):
      guard
        let found = outputs(of: producer).first(where: { $0.name == output && $0.key == member })
      else {
        let keys = outputs(of: producer).filter { $0.name == output }.compactMap(\.key)
        throw error(
          "\(producer).\(output) has no member '\(member ?? "")'", input,
          hint: keys.isEmpty ? nil : "it has: \(keys.joined(separator: ", "))")
      }
      return ActionInput.Member(
        key: key, artefact: found.artefact, origin: .store,
        place: place + fileExtension(of: output, of: producer))
    case .members, .collection:
      throw error("takes one artefact where several are given", input, hint: nil)
    }
  }

  private func outputs(of instance: String) -> [Record.Output] { results[instance] ?? [] }

  /// `.json` of `fit.json`; of a keyed output its declaration is the extension itself.
  private func fileExtension(of output: String, of instance: String) -> String {
    let file = instances[instance]?.outputs.first { $0.name == output }?.file ?? ""
    guard let dot = file.lastIndex(of: "."), !file[dot...].contains("/") else { return "" }
    return String(file[dot...])
  }

  private func absolute(_ name: String) -> String {
    name.hasPrefix("/") ? name : resolver.root + "/" + name
  }

  /// A command sees a file of the workspace under its own path, one from elsewhere under `in/`.
  private func place(ofFile name: String, in folder: String) -> String {
    var parts: [Substring] = []
    for part in name.split(separator: "/") where part != "." {
      if part == ".." {
        if parts.popLast() == nil { return folder + "/" + (name.split(separator: "/").last ?? "") }
      } else {
        parts.append(part)
      }
    }
    if name.hasPrefix("/") || parts.isEmpty { return folder + "/" + (parts.last ?? "") }
    return parts.joined(separator: "/")
  }

  /// Whether the store is this folder, or lies in it.
  private func holdsStore(_ path: String) -> Bool {
    let type = try? fileType(path)
    guard type == .folder || type == .link, let folder = realPath(path) else { return false }
    // The store may not be made yet.
    let root = resolver.store.root
    let parent = root.lastIndex(of: "/").map { $0 == root.startIndex ? "/" : String(root[..<$0]) } ?? "."
    guard let store = realPath(root) ?? realPath(parent) else { return false }
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
    } catch let failure as ArtefactError where failure.code == .notFound {
      throw error(
        "no file or folder '\(name)'", input,
        hint: plan.suggestion(for: name).map { "did you mean the stage '\($0)'?" }
          ?? "paths are relative to \(resolver.root == "." ? "the current folder" : resolver.root)")
    } catch let failure as ArtefactError {
      throw error(failure.message, input, hint: failure.remedy)
    }
  }

  private func artefact(_ digest: Digest, for input: StageInstance.Input) throws -> Artefact {
    do {
      return try resolver.store.artefact(digest)
    } catch let failure as ArtefactError {
      throw error(failure.message, input, hint: failure.remedy)
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
