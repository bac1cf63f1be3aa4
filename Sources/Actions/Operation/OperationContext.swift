public import Artefacts
import Synchronization
public import System

/// What an operation is given: its inputs and parameters, a place for its outputs, and ways to be watched and stopped.
public struct OperationContext: Sendable {
  public let parameters: ParameterValues
  /// A folder for temporary files, removed afterwards.
  public let scratch: String
  /// How many threads it may use. What it makes must not depend on it.
  public let threads: Int
  /// How the stages behind the inputs ran; empty for operations that do not tell of it.
  public let marks: StageMarks
  private let inputs: [String: [InputArtefact]]
  private let outputs: OutputFolder
  private let logFile: String
  private let files: any FileSystem
  private let report: @Sendable (Progress) -> Void

  public struct Progress: Sendable {
    /// 0...1, where it can be known.
    public let fraction: Double?
    public let text: String

    package init(fraction: Double?, text: String) {
      self.fraction = fraction
      self.text = text
    }
  }

  /// - Parameters:
  ///   - inputs: by input name; those of a `many` input in order.
  ///   - folder: an existing folder for `scratch`, outputs and the log.
  ///   - files: the file system on which that stands.
  ///   - marks: how the stages behind the inputs ran.
  ///   - threads: at least 1; nil for as many as there are processors for this process.
  public init(
    operation: any Operation, parameters: ParameterValues, inputs: [String: [InputArtefact]],
    folder: String, files: any FileSystem = LocalFileSystem(), marks: StageMarks = StageMarks(),
    threads: Int? = nil,
    report: @escaping @Sendable (Progress) -> Void = { _ in }
  ) {
    self.parameters = parameters
    self.inputs = inputs
    self.marks = marks
    self.report = report
    self.threads = max(1, threads ?? Processors.available)
    scratch = folder + "/tmp"
    logFile = folder + "/log"
    self.files = files
    outputs = OutputFolder(path: folder + "/out", declarations: operation.outputs, files: files)
  }

  public subscript<Value>(_ parameter: Parameter<Value>) -> Value { parameters[parameter] }

  /// The one artefact of a single input.
  ///
  /// - Precondition: the operation declares the input with cardinality `.one`.
  public func input(_ name: String) -> InputArtefact { inputs[name]![0] }
  public func optionalInput(_ name: String) -> InputArtefact? { inputs[name]?.first }
  /// The artefacts of a `many` input, in the pipeline's order.
  public func inputs(_ name: String) -> [InputArtefact] { inputs[name] ?? [] }

  /// Where to write an output: a path that does not exist yet, in a folder that does. The members of a keyed output
  /// keep the order in which they are asked for.
  public func path(of output: String, key: String? = nil) throws -> String {
    try outputs.path(of: output, key: key)
  }

  public func write(_ bytes: [UInt8], to output: String, key: String? = nil) throws {
    try files.write(bytes, to: try path(of: output, key: key))
  }

  /// A line of the action's log, kept with its record.
  public func log(_ line: String) throws {
    try files.write(Array((line + "\n").utf8), to: logFile, .appending)
  }

  public func progress(_ fraction: Double?, _ text: String = "") {
    report(Progress(fraction: fraction, text: text))
  }

  /// Throws when the run was cancelled. Call it often enough that Ctrl-C feels immediate.
  public func checkCancellation() throws { try Task.checkCancellation() }

  /// What was written so far, in the order of asking.
  public var written: [OutputFile] { outputs.files }
}

/// An output on its way into the store.
public struct OutputFile: Sendable, Hashable {
  public let name: String
  public let key: String?
  public let path: String

  package init(name: String, key: String?, path: String) {
    self.name = name
    self.key = key
    self.path = path
  }

  /// What a member's file is called; nil for an output that has no members.
  package var file: String? {
    key == nil ? nil : String(path[path.index(after: path.lastIndex(of: "/")!)...])
  }
}

/// The folder in which an operation leaves its outputs.
private final class OutputFolder: Sendable {
  private let path: String
  private let declarations: [OutputDeclaration]
  private let disk: any FileSystem
  private let written = Mutex<[OutputFile]>([])

  init(path: String, declarations: [OutputDeclaration], files: any FileSystem) {
    self.path = path
    disk = files
    self.declarations = declarations
  }

  var files: [OutputFile] { written.withLock { $0 } }

  func path(of name: String, key: String?) throws -> String {
    guard let declaration = declarations.first(where: { $0.name == name }) else {
      preconditionFailure("'\(name)' is not a declared output")
    }
    precondition(declaration.keyed == (key != nil), "'\(name)' is \(declaration.keyed ? "" : "not ")keyed")
    if let key { try MemberKey.check(key, of: name) }
    let file = OutputFile(
      name: name, key: key, path: "\(path)/\(name)/" + (key.map(declaration.members.file) ?? declaration.file)
    )
    let isNew = written.withLock { files in
      if files.contains(where: { $0.name == name && $0.key == key }) { return false }
      files.append(file)
      return true
    }
    if !isNew {
      throw PipelineError("the output '\(name)' has two members '\(key ?? "")'", hint: "keys must differ")
    }
    try disk.makeFolders("\(path)/\(name)")
    return file.path
  }
}
