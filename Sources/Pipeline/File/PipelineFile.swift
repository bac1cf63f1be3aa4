public import JSON

/// A pipeline file, read and checked as far as it can be without the operations.
///
/// This is where the format is defined. A pipeline is one YAML document (no anchors, no tags) of at most 16 MiB:
///
///     params:                       # NAME: default value; `brake run NAME=VALUE` overrides it
///       corpus: builtin             # text; a value of `null` must be given in the command line
///       sizes: [47k, 188k]          # also numbers, true and false, lists and mappings
///       data: "${corpus}.txt"       # may refer to parameters above it
///     stages:
///       tokens:
///         op: text.tokenise         # a built-in operation (see `brake operations`)
///         in: { text: "${data}" }   # input -> where it comes from
///         with: { tokeniser: bytes, validation: 0.05 }      # the operation's parameters
///       train:
///         for: { size: "${sizes}", seed: 1..3 }             # six instances: train[47k,1], train[47k,2], ...
///         op: lm.train
///         in: { tokens: tokens, model: "models/${size}.yaml" }
///         with: { steps: 1600, seed: "${seed}" }
///       gradients:
///         for: { step: "train[47k,1].checkpoints" }         # an instance for each member of a keyed output
///         op: lm.gradients
///         in: { checkpoint: "train[47k,1].checkpoints[${step}]", tokens: tokens }
///       table:
///         run: |                    # a command for the shell instead of an operation
///           python3 ${in.script} --sizes $HOME ${in.losses} > ${out.table}
///           ./draw --into plots/
///         in: { losses: train.losses, script: table.py }
///         out: { table: table.csv, plots: plots/*.png }     # files that it writes; a folder or pattern has many members
///         env: { MPLBACKEND: agg }                          # part of the action's key
///         pass-env: [DISPLAY]                               # handed through, no part of the key
///         tools: { python3: python3 --version }             # programs whose identity is part of the key
///         network: true                                     # commands have none otherwise
///         undeclared: error                                 # for files it leaves that out: does not name; else a warning
///         publish: results/                                 # also put into the workspace
///     default: [table]              # targets of a run that names none; otherwise the stages that no other uses
///
/// **Commands** run in a folder of their own that holds their inputs and nothing else, under bubblewrap where that works:
/// files of the workspace that a command does not declare cannot be read (a file that is new there, or is added to, is
/// not refused), it has process numbers of its own, and no network without `network: true`. `sandbox: false` is for a
/// command that cannot live with that: then nobody notices what it reads undeclared. When a command ends, so does all
/// that it has started. What it had written when it failed is kept in the store's `failed/`.
///
/// **Names** of stages, parameters, variables, inputs and outputs consist of ASCII letters, digits, `_` and `-`.
///
/// **Expressions.** `${NAME}` in any value stands for a parameter or a `for:` variable. A value that is nothing else keeps
/// its type; inside other text the value's text is put in as it was written (`1e-3` stays `1e-3`). `$${` is a literal `${`.
/// Inside `run:`, `${in.NAME}` and `${out.NAME}` are the paths of inputs and outputs, and what else the shell understands
/// (`$HOME`, `$(date)`) is the shell's.
///
/// **Quoting.** What `run:` says is read once, and what is put into it is never read again. A parameter is the author's own
/// text and is put in as it is written: `--fast --deep` is two words, and what the shell would do with it, it does. The
/// `for:` variables and their columns (which may be names of files that some stage wrote) and all paths are text for the
/// shell wherever they stand: one word outside of quotes, a part of the text within `"…"`, `'…'`, a here-document or a
/// comment. So `${in.x}` and `"${in.x}"` are the same, whatever the path holds; an input of several artefacts is several
/// words outside of quotes and one text with spaces within. Where the shell calculates (`$((…))`, `((…))`, `a[…]`) a value
/// must be a whole number, and within `[[ … ]]` consist of letters, digits, `/`, `.`, `_` and `-`. Where it cannot be quoted
/// (within backticks, `$'…'` or `${…}`), or brake cannot follow the shell (behind a `case` inside `$(…)`, say), it is an error
/// that says so; `x=${in.x}` in a line before it and `"$x"` always do. For a program that is no POSIX shell values
/// consist of those plain characters. Paths start with `./`, so that none is an option.
///
/// **`run:`** is executed by `bash --noprofile --norc -O inherit_errexit -euo pipefail -c`: it stops, and the stage fails, at
/// the first command line that fails, also if only a part of a pipe or the command in `x=$(…)` does, and where a variable
/// is used that nothing has set. As always in bash, what is tested may fail: what stands behind `if`, `while` and `!`,
/// and all but the last of what `&&` and `||` join; nor is it noticed where a command fails in the background or inside
/// the arguments of another one. A program whose reader stops early, as in `… | head`, fails with 141. `shell:` names
/// another shell: a text such as `sh -eu` is a program and its options, to which `-c` is added; a list such as
/// `[perl, -we]` is all that stands before the command's text. The shell is part of the key, as are the command,
/// `env:` and `tools:`. What `pass-env:` hands through is not, neither names nor values: stages that differ in nothing else
/// are one action.
///
/// **`tools:`** names programs that a command calls, to have their bytes in the key, or instead what a command of theirs prints
/// (`tools: {python3: python3 --version}`) within 30 seconds. Version commands are executed only by a run. What they print is
/// remembered for a day by what they are known to depend on, and good enough to say that there is nothing to do; before
/// anything is executed they are asked again.
///
/// **Places.** A command runs in a folder of its own. A source from the workspace stands there under its own path, one from
/// elsewhere as `in/NAME/FILE`, the output of a stage as `in/NAME.EXTENSION`; a member of an output keeps its file name,
/// `in/NAME/FILE`, and where an input takes them from several instances, in a folder for each: `in/NAME/KEY/FILE`. What can be
/// executed where it comes from can be executed there, which is part of the key. Two inputs at one place, an input inside
/// another one or where an output is to be, and names that differ only in Unicode's normal form, are errors.
///
/// **`out:`** says what a command writes: a file or folder; with a `/` at its end a folder each of whose entries is a
/// member of the output; or a pattern such as `ckpt/step-*.pt`, with one `*` in its last part: the entries of that folder
/// that are called so. The key of a member is what stands for the `*` (not a dot at the start of a name); in a folder
/// without pattern, the file's name without its last extension, and the whole name of a subfolder (a member, too) and of a
/// file whose name starts with a dot. Two members with one key are an error: patterns then say which are meant, and `ckpt/*`
/// makes whole names the keys. A folder may have several patterns, but no file may match two, and a pattern must match
/// something. `${out.NAME}` is the folder of the members, which the command makes (`mkdir -p ${out.NAME}`). A member keeps
/// its file name wherever it is written.
///
/// **`for:`** gives every variable a list; a range of whole numbers, both ends included: `1..10`, `{from: 1, to: 9, step: 2}`
/// or `{from: 1, to: 1024, factor: 2}`; a `${parameter}` that is one of these; or a keyed output of one stage instance,
/// whose members' keys it takes, if need be once that stage has run. It can also run over a table: in
/// `{long: {steps: 100, rate: 1e-3}, short: {steps: 10, rate: 1e-2}}` its values are `long` and `short`, and with the
/// variable called `run`, `${run.steps}` is the step of that row. Several variables make all combinations, the last one
/// changing fastest, and a variable can use those before it. Values are text without `/ , [ ]` and control characters.
///
/// **Sources**, the values of `in:`, are one of these or a list of them:
/// - `stage`: its output for all its instances; `stage[key,key]`: of one instance; `stage[*]`: of all, explicitly;
///   `stage[key,*]`: of all that have this key;
/// - `stage.output`, `stage[key].output`: of several outputs, this one;
/// - `stage.output[member]`, `stage[key].output[member]`: one member of a keyed output;
/// - `sha256:` and 64 hexadecimal digits: an artefact of the store;
/// - anything else, and always what starts with `./`: a file or folder, relative to the pipeline's root.
///
/// What starts with the name of a stage, alone or before a `.` or `[`, is that stage's, never a file's. Where a file or folder
/// of that name is there, too, it is an error: `./train.py` is the file, `train[*].py` the output of the stage `train`.
///
/// An input that takes many artefacts gets each with a key: of a stage's instances, their keys; of a keyed output, its
/// members' keys (behind the instance's, if there are several instances); of a file, its name.
///
/// **`publish:`** is a folder (text ending in `/`; `true` is `results/`), a path if the stage has one output, or a mapping
/// from outputs to such. In a folder an output is called like its file, inside a folder named by the instance's keys
/// if there are any. A keyed output becomes a folder, called like the output if several share theirs. Paths stay inside the
/// pipeline's root, also where links lead, and no two may overlap; the store, the pipeline, a source and git's folder are not published over. What stands at a path and was
/// not put there by brake is kept in the store before it is replaced. From the folder of a keyed output goes what brake
/// had put there and the output no longer has; what others added or changed stays.
public struct PipelineFile: Sendable {
  /// As the user named it; in every message.
  public let path: String
  /// The declared parameters with their defaults, in the file's order.
  public var parameters: [(name: String, value: JSON)] {
    parameterEntries.map { ($0.name, $0.value.json) }
  }

  let parameterEntries: [PipelineNode.Entry]
  let stages: [StageDeclaration]
  let defaults: [PipelineNode]

  /// - Parameter path: what messages call the file.
  /// - Throws: the first thing that is wrong, with its position.
  public init(text: String, path: String) throws(PipelineError) {
    let root = try PipelineNode.read(text, file: path)
    let reader = try PipelineReader(root)
    self.path = path
    parameterEntries = reader.parameters
    stages = try reader.stages()
    defaults = try reader.defaults()
  }
}

/// A stage as the file declares it.
struct StageDeclaration: Sendable {
  enum Work: Sendable {
    case operation(name: PipelineNode, parameters: [PipelineNode.Entry])
    case command(CommandDeclaration)
  }

  let name: String
  let position: Position
  let work: Work
  let variables: [PipelineNode.Entry]
  let inputs: [PipelineNode.Entry]
  let publish: PipelineNode?
}

struct CommandDeclaration: Sendable {
  let script: PipelineNode
  let shell: PipelineNode?
  let outputs: [PipelineNode.Entry]
  let environment: [PipelineNode.Entry]
  let passed: [String]
  /// Name -> the command that prints its version.
  let tools: [(name: String, version: PipelineNode?)]
  let sandbox: Bool
  let network: Bool
  let refusesUndeclared: Bool
}
