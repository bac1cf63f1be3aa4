import Actions
import JSON

/// Third step of planning: replaces every instance of a chain operation by its links and its end, and what refers to a
/// member of its keyed outputs by a reference to the link that makes it. (See `ChainOperation`.)
struct ChainExpansion {
  /// The keys of the links of each chain, by the name of its instance.
  private var links: [String: [String]] = [:]

  /// - Parameter instances: each behind those it depends on; so is the result.
  mutating func expand(_ instances: [StageInstance]) throws(PipelineError) -> [StageInstance] {
    guard instances.contains(where: \.isChain) else { return instances }
    var expanded: [StageInstance] = []
    expanded.reserveCapacity(instances.count)
    for instance in instances {
      let instance = links.isEmpty ? instance : replacingSources(of: instance)
      if case .operation(let operation, let parameters) = instance.work,
        let chain = operation as? any ChainOperation
      {
        expanded += try expand(instance, chain, parameters)
      } else {
        expanded.append(instance)
      }
    }
    return expanded
  }

  // MARK: The chain

  private mutating func expand(
    _ instance: StageInstance, _ chain: any ChainOperation, _ parameters: ParameterValues
  ) throws(PipelineError) -> [StageInstance] {
    var instances: [StageInstance] = []
    let links: [ChainLink]
    do {
      links = try chain.links(parameters)
      for link in links {
        try MemberKey.check(link.key, of: chain.name)
        instances.append(try self.link(link, of: instance, chain, behind: instances.last?.name))
      }
    } catch {
      throw PipelineError(wrapping: error, in: instance)
    }
    guard !links.isEmpty, Set(links.map(\.key)).count == links.count else {
      preconditionFailure("a chain has at least one link, and its links have different keys")
    }
    self.links[instance.name] = links.map(\.key)
    return instances + [end(of: instance, chain)]
  }

  private func link(
    _ link: ChainLink, of instance: StageInstance, _ chain: any ChainOperation, behind previous: String?
  ) throws(ParameterError) -> StageInstance {
    let operation = LinkOperation(chain: chain)
    var inputs = instance.inputs
    if let previous {
      inputs += chain.carried.map {
        StageInstance.Input(
          name: "previous.\($0)", source: .output(instance: previous, output: $0, key: nil))
      }
    }
    let publish = instance.publish.compactMap { rule in
      chain.outputs.first { $0.name == rule.output && $0.keyed }.map {
        PublishRule(output: rule.output, path: "\(rule.path)/\(link.key)\($0.file)")
      }
    }
    return StageInstance(
      stage: instance.stage, keys: instance.keys, link: link.key,
      work: .operation(operation, try ParameterValues(link.parameters, declarations: operation.parameters)),
      inputs: inputs, outputs: operation.outputs, publish: publish, resources: instance.resources,
      position: instance.position)
  }

  private func end(of instance: StageInstance, _ chain: any ChainOperation) -> StageInstance {
    let operation = EndOperation(chain: chain)
    let inputs = chain.gathered.map {
      StageInstance.Input(name: $0, source: members(of: instance.name, $0) ?? .collection([]))
    }
    return StageInstance(
      stage: instance.stage, keys: instance.keys, work: .operation(operation, .none), inputs: inputs,
      outputs: operation.outputs,
      publish: instance.publish.filter { rule in operation.outputs.contains { $0.name == rule.output } },
      linkFolders: linkFolders(of: instance, chain), position: instance.position)
  }

  private func linkFolders(of instance: StageInstance, _ chain: any ChainOperation) -> [LinkFolder] {
    instance.publish.compactMap { rule in
      chain.outputs.first { $0.name == rule.output && $0.keyed }.map { output in
        LinkFolder(path: rule.path, names: Set(links[instance.name, default: []].map { $0 + output.file }))
      }
    }
  }

  // MARK: Sources

  private func replacingSources(of instance: StageInstance) -> StageInstance {
    StageInstance(
      stage: instance.stage, keys: instance.keys, link: instance.link, work: instance.work,
      inputs: instance.inputs.map { StageInstance.Input(name: $0.name, source: replacement(of: $0.source)) },
      outputs: instance.outputs, publish: instance.publish, resources: instance.resources,
      position: instance.position)
  }

  private func replacement(of source: InputSource) -> InputSource {
    switch source {
    case .file, .artefact, .output(_, _, nil): source
    case .output(let instance, let output, let key?):
      links[instance] == nil
        ? source : .output(instance: StageInstance.name(ofLink: key, of: instance), output: output, key: nil)
    case .members(let instance, let output): members(of: instance, output) ?? source
    case .collection(let members):
      .collection(members.map { InputSource.Member(key: $0.key, source: replacement(of: $0.source)) })
    }
  }

  private func members(of instance: String, _ output: String) -> InputSource? {
    links[instance].map { keys in
      .collection(
        keys.map { key in
          InputSource.Member(
            key: key,
            source: .output(
              instance: StageInstance.name(ofLink: key, of: instance), output: output, key: nil))
        })
    }
  }
}

extension StageInstance {
  fileprivate var isChain: Bool {
    if case .operation(let operation, _) = work { operation is any ChainOperation } else { false }
  }
}
