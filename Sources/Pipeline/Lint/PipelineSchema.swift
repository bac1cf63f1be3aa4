public import Actions
public import JSON

/// A JSON Schema (2020-12) of pipeline files, for editors: what they complete and underline.
public struct PipelineSchema: Sendable {
  private let registry: OperationRegistry

  public init(registry: OperationRegistry) { self.registry = registry }

  public var json: JSON {
    [
      "$schema": "https://json-schema.org/draft/2020-12/schema",
      "title": "A pipeline of brake",
      "type": "object",
      "properties": .object(
        Dictionary(
          uniqueKeysWithValues: PipelineSection.allCases.map {
            ($0.rawValue, described(section($0), $0.help))
          })),
      "anyOf": [["required": ["stages"]], ["required": ["include"]]],
      "additionalProperties": false,
      "$defs": [
        "text": PipelineSchema.text, "expression": PipelineSchema.expression,
        "name": ["pattern": "^[A-Za-z0-9_-]{1,100}$"],
        "source": PipelineSchema.source, "domain": domain, "stage": stage,
      ],
    ]
  }

  // MARK: Sections

  private func section(_ section: PipelineSection) -> JSON {
    switch section {
    case .include: ["type": "array", "items": ["anyOf": [["type": "string"], include]]]
    case .params: ["type": ["object", "null"], "propertyNames": PipelineSchema.name]
    case .stages:
      [
        "type": "object", "minProperties": 1, "propertyNames": PipelineSchema.name,
        "additionalProperties": ["$ref": "#/$defs/stage"],
      ]
    case .default: PipelineSchema.list(of: PipelineSchema.aText)
    }
  }

  private var include: JSON {
    let fields = IncludeField.allCases.map { field -> (String, JSON) in
      let schema: JSON =
        switch field {
        case .file: ["type": "string"]
        case .prefix: ["type": ["string", "null"], "pattern": "^[A-Za-z0-9_-]*$"]
        case .with: ["type": "object"]
        }
      return (field.rawValue, described(schema, field.help))
    }
    return [
      "type": "object", "properties": .object(Dictionary(uniqueKeysWithValues: fields)), "required": ["file"],
      "additionalProperties": false,
    ]
  }

  // MARK: Stages

  private var stage: JSON {
    let fields = StageField.allCases.map { ($0.rawValue, described(field($0), $0.help)) }
    func names(_ kind: StageField.Kind) -> JSON {
      let others = StageField.allCases.filter { $0.kind == kind }.map(\.rawValue)
      return .object(Dictionary(uniqueKeysWithValues: others.map { ($0, .bool(false)) }))
    }
    return [
      "type": "object", "properties": .object(Dictionary(uniqueKeysWithValues: fields)),
      "additionalProperties": false,
      "oneOf": [
        ["required": ["op"], "properties": names(.command)],
        ["required": ["run"], "properties": names(.operation)],
      ],
      "allOf": .array(registry.operations.map(rules)),
    ]
  }

  private func field(_ field: StageField) -> JSON {
    switch field {
    case .op: ["enum": .array(registry.operations.map { .string($0.name) })]
    case .run: PipelineSchema.aText
    case .for:
      [
        "type": "object", "propertyNames": PipelineSchema.name,
        "properties": [
          "zip": [
            "type": "object", "minProperties": 2, "propertyNames": PipelineSchema.name,
            "additionalProperties": ["$ref": "#/$defs/domain"],
          ]
        ],
        "additionalProperties": ["$ref": "#/$defs/domain"],
      ]
    case .chain:
      [
        "type": "object", "minProperties": 1, "maxProperties": 1, "propertyNames": PipelineSchema.name,
        "additionalProperties": ["$ref": "#/$defs/domain"],
      ]
    case .where, .unless: PipelineSchema.aText
    case .in:
      [
        "type": "object",
        "additionalProperties": [
          "anyOf": [["$ref": "#/$defs/source"], PipelineSchema.list(of: ["$ref": "#/$defs/source"])]
        ],
      ]
    case .with: ["type": "object"]
    case .out:
      [
        "type": "object", "propertyNames": PipelineSchema.name,
        "additionalProperties": ["anyOf": [PipelineSchema.aText, members]],
      ]
    case .shell: ["anyOf": [["type": "string"], PipelineSchema.list(of: PipelineSchema.aText)]]
    case .env:
      [
        "type": "object", "propertyNames": ["pattern": "^[A-Za-z0-9_]+$"],
        "additionalProperties": ["anyOf": [PipelineSchema.aText, ["type": "null"]]],
      ]
    case .passEnv: PipelineSchema.list(of: ["type": "string", "pattern": "^[A-Za-z0-9_]+$"])
    case .tools:
      [
        "anyOf": [
          PipelineSchema.list(of: PipelineSchema.aText),
          ["type": "object", "additionalProperties": ["anyOf": [PipelineSchema.aText, ["type": "null"]]]],
        ]
      ]
    case .python:
      [
        "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false,
        "properties": .object(
          Dictionary(
            uniqueKeysWithValues: PythonDeclaration.Kind.allCases.map {
              ($0.rawValue, described(PipelineSchema.aText, $0.help))
            })),
      ]
    case .image: ["$ref": "#/$defs/source"]
    case .sandbox, .network, .resume: ["type": "boolean"]
    case .undeclared: ["enum": ["warn", "error"]]
    case .stdin: ["type": "string"]
    case .codes:
      PipelineSchema.orExpression([
        "type": "array", "minItems": 1, "items": ["type": "integer", "minimum": 0, "maximum": 255],
      ])
    case .retries:
      PipelineSchema.orExpression([
        "type": "integer", "minimum": 0, "maximum": .integer(Int64(CommandEnding.mostRetries)),
      ])
    case .cores: PipelineSchema.orExpression(["type": "integer", "minimum": 1])
    case .gpus: PipelineSchema.orExpression(["type": "integer", "minimum": 0])
    case .group: PipelineSchema.orExpression(["type": "integer", "minimum": 1, "maximum": 1000])
    case .runner: PipelineSchema.orExpression(["enum": ["local", "slurm"]])
    case .memory:
      PipelineSchema.orExpression(["type": "string", "pattern": "^[0-9.]+[KMGTkmgt]([iI]?[bB])?$"])
    case .time, .timeout, .grace:
      PipelineSchema.orExpression(["type": "string", "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$"])
    case .publish:
      [
        "anyOf": [
          ["type": ["string", "boolean"]], ["type": "object", "additionalProperties": PipelineSchema.aText],
        ]
      ]
    }
  }

  /// An output that says more than a path.
  private var members: JSON {
    let fields = OutputField.allCases.map { field -> (String, JSON) in
      let schema: JSON =
        switch field {
        case .folder: PipelineSchema.aText
        case .key: ["type": "string", "pattern": "^[^*/]*[*][^*/]*$"]
        case .grows, .eager: ["type": "boolean"]
        }
      return (field.rawValue, described(schema, field.help))
    }
    return [
      "type": "object", "properties": .object(Dictionary(uniqueKeysWithValues: fields)),
      "required": ["folder"], "additionalProperties": false,
    ]
  }

  /// What a stage of an operation can say.
  private func rules(_ operation: any Operation) -> JSON {
    let parameters = operation.parameters.map { ($0.name, PipelineSchema.value(of: $0)) }
    let inputs = operation.inputs.map { ($0.name, described([:], $0.help)) }
    let needed = operation.inputs.filter { $0.cardinality == .one }.map { JSON.string($0.name) }
    let wanted = operation.parameters.filter { $0.defaultValue == nil }.map { JSON.string($0.name) }
    func mapping(_ properties: [(String, JSON)], _ required: [JSON]) -> JSON {
      [
        "type": "object", "properties": .object(Dictionary(uniqueKeysWithValues: properties)),
        "required": .array(required), "additionalProperties": false,
      ]
    }
    var then: [String: JSON] = [
      "properties": ["with": mapping(parameters, wanted), "in": mapping(inputs, needed)]
    ]
    let fields = (needed.isEmpty ? [] : [JSON.string("in")]) + (wanted.isEmpty ? [] : [JSON.string("with")])
    if !fields.isEmpty { then["required"] = .array(fields) }
    return [
      "if": ["properties": ["op": ["const": .string(operation.name)]], "required": ["op"]],
      "then": .object(then),
    ]
  }

  // MARK: Values

  private static func value(of parameter: any ParameterDeclaration) -> JSON {
    var schema: JSON =
      switch parameter {
      case is Parameter<Int>: orExpression(["type": "integer"])
      case is Parameter<Double>: orExpression(["type": "number"])
      case is Parameter<Bool>: orExpression(["type": "boolean"])
      case is Parameter<String>: aText
      case is Parameter<[String]>, is Parameter<[Int]>, is Parameter<[Double]>:
        orExpression(["type": "array"])
      default: [:]
      }
    if case .object(var members) = schema {
      members["description"] = .string("\(parameter.help) (\(parameter.type))")
      members["default"] = parameter.defaultValue
      schema = .object(members)
    }
    return schema
  }

  private func described(_ schema: JSON, _ help: String) -> JSON {
    guard case .object(var members) = schema else { return schema }
    members["description"] = .string(help)
    return .object(members)
  }

  private static let text: JSON = ["type": ["string", "number", "boolean"]]
  private static let aText: JSON = ["$ref": "#/$defs/text"]
  private static let name: JSON = ["$ref": "#/$defs/name"]
  private static let source: JSON = ["type": ["string", "number"]]
  private static let expression: JSON = ["type": "string", "pattern": "[$][{]"]

  private static func list(of element: JSON) -> JSON { ["type": "array", "items": element] }

  private static func orExpression(_ schema: JSON) -> JSON {
    ["anyOf": [schema, ["$ref": "#/$defs/expression"]]]
  }

  /// What a variable runs over.
  private var domain: JSON {
    let number = PipelineSchema.orExpression(["type": "integer"])
    return [
      "anyOf": [
        ["type": "string"], PipelineSchema.list(of: PipelineSchema.aText),
        [
          "type": "object", "required": ["from", "to"], "additionalProperties": false,
          "properties": ["from": number, "to": number, "step": number, "factor": number],
        ],
        [
          "type": "object", "required": ["pairs"], "additionalProperties": false,
          "properties": ["pairs": ["$ref": "#/$defs/domain"], "step": number, "factor": number],
        ],
        ["type": "object", "additionalProperties": ["type": "object"]],
      ]
    ]
  }
}
