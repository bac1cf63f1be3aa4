import Compute
import Foundation
import System
import Testing

@Suite struct CurveImportTests {
  func read(_ text: String, _ options: CurveImport = CurveImport(), file: String = "dir/loss.csv") throws
    -> [Curve]
  {
    try options(Array(text.utf8), file: file)
  }

  @Test(arguments: [
    "step,loss\n1,3.5\n2,3.25\n", "step\tloss\n1\t3.5\n2\t3.25",
    "Iteration;Train Loss\r\n1;3.5\r\n2;3.25\r\n",
    "lr,_step,train/lm_loss,val_loss\n1,1,3.5,9\n1,2,3.25,9\n",
    "\u{FEFF}# a comment\n\nstep,loss\n1.0,3.5\n2e0,+3.25\n",
    "\"step\",\"loss\"\n\"1\",\"3.5\"\n2,3.25\n", "1,3.5\n2,3.25\n", "step|nats\n1|3.5\n2|3.25",
    "step loss\n1 3.5\n2 3.25",
    "# step loss\n1.000000000000000000e+00 3.500000000000000000e+00\n2e0 3.25e0\n",
    "  step   loss  \r\n     1    3.5\r\n     2   3.25  \r\n", "\"step\" \"train loss\"\n1 3.5\n2 3.25\n",
    "[{\"step\": 1, \"loss\": 3.5}, {\"step\": 2, \"loss\": 3.25}]",
    "{\"iter\": [1, 2], \"loss\": [3.5, 3.25], \"note\": \"x\"}",
    "{\"step\": 1, \"loss\": 3.5}\n\n{\"loss\": 3.25, \"step\": 2}\n",
    "\n \n{\"step\": 1, \"loss\": 3.5}\n{\"loss\": 3.25, \"step\": 2}\n",
    "{\"loss\": {\"iter\": [1, 2], \"loss\": [3.5, 3.25]}}",
  ])
  func `The forms that people have are read`(text: String) throws {
    let curves = try read(text)
    #expect(curves.count == 1)
    #expect(curves[0].run == "loss")
    #expect(curves[0].steps == [1, 2])
    #expect(curves[0].losses == [3.5, 3.25])
    #expect(!curves[0].isPrepared)
    #expect(curves[0].notes.isEmpty)
  }

  @Test func `A column that nothing but its being alone makes a loss is none if it rises`() throws {
    let rising = "step,metric\n1,0.005\n2,0.01\n3,0.2\n4,0.5\n"
    let failure = #expect(throws: Failure.self) { try read(rising) }
    #expect(failure?.headline.contains("'metric' rises") == true)
    #expect(try read(rising, CurveImport(loss: "metric")).count == 1)
    #expect(try read(rising.replacing("metric", with: "loss")).count == 1)
    #expect(try read("step,metric\n1,4\n2,3\n3,3.5\n").count == 1)
  }

  @Test(arguments: [
    // Megatron, with what it says of evaluations.
    """
    [2026-01-01 12:00:00] iteration        1/  500000 | consumed samples:  512 | time per iteration (ms): 271.2 | lm loss: 3.5E+00 |
     iteration        2/  500000 | learning rate: 1.0E-04 | lm loss: 3.25E+00 | loss scale: 1.0 |
     validation loss at iteration 2 | lm loss value: 9 | lm loss PPL: 8103 |
    """,
    // nanoGPT.
    "number of parameters: 10.65M\niter 1: loss 3.5000, time 81.20ms, mfu -100.00%\niter 2: loss 3.2500, time 79.11ms, mfu 40.1%\n",
    "INFO:trainer:step=1 loss=3.5 val_loss=9\nsaved 1 loss\nINFO:trainer:step=2 loss=3.25 val_loss=9\n",
    "12:00:01 - Epoch 1 Step 1 Loss: 3.5\n12:00:02 - Epoch 1 Step 2 Loss: 3.25\n",
    "epoch,step,train_loss_step,train_loss_epoch,val_loss\n0,1,3.5,4,9\n0,2,3.25,4,9\n",
  ])
  func `What trainings print is read`(text: String) throws {
    let curves = try read(text)
    #expect(curves.count == 1)
    #expect(curves[0].steps == [1, 2] && curves[0].losses == [3.5, 3.25])
    #expect(curves[0].notes.isEmpty)
  }

  @Test func `Numbers that are written as texts are named, with their line`() throws {
    for (text, place) in [
      ("{\"step\": 1, \"loss\": null}\n{\"step\": 2, \"loss\": \"0.5\"}\n", "line 2"),
      ("[{\"step\": 1}, {\"step\": 2, \"loss\": \"0.5\"}]", "entry 2"),
    ] {
      let failure = #expect(throws: Failure.self) { try read(text) }
      #expect(
        failure?.headline == "dir/loss.csv: \(place): \"loss\" is the text \"0.5\" and no number",
        "\(String(describing: failure))")
      #expect(failure?.hint == "write numbers without quotation marks")
    }
  }

  @Test func `A row of a table with blanks that has another number of columns is noted`() throws {
    let curve = try read("step loss\n1 3.5\n2 3.25 1\n3\n4 3\n")[0]
    #expect(curve.steps == [1, 4] && curve.notes.map(\.kind) == [.unreadable])
    #expect(curve.notes[0].count == 2)
  }

  @Test func `Of two losses in a log the one that is printed far more often is read, and the choice is told`()
    throws
  {
    let often = (1...9).map { "iter \($0): loss \(10 - $0)\n" }.joined()
    let curve = try read("step 0: train loss 9.5, val loss 9.6\n" + often)[0]
    #expect(curve.steps == Array(1...9))
    #expect(curve.notes.map(\.kind) == [.choice])
    #expect(curve.notes[0].description.contains("'loss' by 'iter' was read, and not 'train loss' by 'step'"))
    let named = CurveImport(step: "step", loss: "val loss")
    #expect(try read("step 0: train loss 9.5, val loss 9.6\n" + often, named)[0].losses == [9.6])
    let error = #expect(throws: Failure.self) {
      try read("iter 1: loss 3, lm loss 4\niter 2: loss 3, lm loss 4\n")
    }
    #expect(error?.headline.contains("more than one series") == true)
  }

  @Test func `A table of several runs gives a curve of each`() throws {
    let header = ["a", "b - c"].flatMap { run in
      ["", "__MIN", "__MAX"].map { "\"\(run) - train/loss\($0)\"" }
    }
    let curves = try read(
      "\"Step\",\(header.joined(separator: ","))\n1,3,3,3,,,\n2,,,,2,2,2\n3,1,1,1,1,1,1\n")
    #expect(curves.map(\.run) == ["a", "b - c"])
    #expect(curves.map(\.steps) == [[1, 3], [2, 3]] && curves.map(\.losses) == [[3, 1], [2, 1]])
    #expect(curves.allSatisfy { $0.notes.isEmpty })
  }

  @Test(arguments: ["ppl", "train/perplexity", "accuracy", "learning_rate", "bpb"])
  func `What is called like another quantity is no loss unless it is asked for by name`(name: String) throws {
    let text = "step,\(name)\n1,3.5\n2,3.25\n"
    let error = #expect(throws: Failure.self) { try read(text) }
    #expect(error?.headline.contains("'\(name)' looks like") == true)
    let curve = try #require(try read(text, CurveImport(loss: name)).first)
    #expect(curve.losses == [3.5, 3.25])
    #expect(curve.notes.map(\.kind) == [.column])
  }

  @Test(arguments: ["loss_bits", "train/loss (log2)", "bits_per_token", "nll_bits", "cross_entropy_bits"])
  func `A loss in bits a token is made nats, and the curve says so`(name: String) throws {
    for text in ["step,\(name)\n1,2\n2,1\n", "{\"step\": [1, 2], \"\(name)\": [2, 1]}"] {
      let curve = try #require(try read(text, CurveImport(loss: name)).first)
      #expect(curve.losses == [2 * 0.6931471805599453, 0.6931471805599453])
      #expect(curve.notes.map(\.kind) == [.unit])
      #expect("\(curve.notes[0])".contains("'\(name)' was multiplied by ln 2"))
    }
    #expect(try read("step,\(name)\n1,2\n").first?.losses == [2 * 0.6931471805599453])
  }

  @Test(arguments: ["loss_bpb", "train/loss_bits_per_byte", "loss_per_character", "bits", "nll_per_word"])
  func `A loss of other things than tokens is not taken for one`(name: String) throws {
    let text = "step,\(name)\n1,3.5\n2,3.25\n"
    let error = #expect(throws: Failure.self) { try read(text) }
    #expect(error?.headline.contains("'\(name)' looks like") == true)
    let curve = try #require(try read(text, CurveImport(loss: name)).first)
    #expect(curve.losses == [3.5, 3.25])
    #expect(curve.notes.map(\.kind) == [.column])
  }

  @Test func `Losses per token stay what they are, and what a log calls bits is made nats`() throws {
    #expect(try read("step,loss_per_token\n1,3.5\n").first?.notes == [])
    let log = "step 1: loss_bits 2.0\nstep 2: loss_bits 1.0\n"
    let curve = try #require(try read(log).first)
    #expect(curve.losses == [2 * 0.6931471805599453, 0.6931471805599453])
    let error = #expect(throws: Failure.self) { try read("step 1: loss_bpb 2.0\nstep 2: loss_bpb 1.0\n") }
    #expect(error?.headline.contains("bits per byte") == true)
  }

  @Test func `The log of Hugging Face's trainer is read, evaluations passed over`() throws {
    let curve = try read(
      """
      {"best_metric": null, "global_step": 20, "log_history": [
        {"epoch": 0.1, "learning_rate": 1e-4, "loss": 9.5, "step": 10},
        {"epoch": 0.1, "eval_loss": 9.1, "step": 10},
        {"epoch": 0.2, "learning_rate": 1e-4, "loss": 8.5, "step": 20},
        {"epoch": 0.2, "step": 20, "train_loss": 9.0, "train_runtime": 3.5}]}
      """, file: "trainer_state.json")[0]
    #expect(curve.steps == [10, 20])
    #expect(curve.losses == [9.5, 8.5])
    #expect(curve.notes.isEmpty)
  }

  @Test func `The authors' curves are kept as they are, in the order of their names' numbers`() throws {
    let run = #"{"smoothed_loss": {"x": [10, 20, 20], "y": [3, 2, 2]}}"#
    let curves = try read("{\"144M\": \(run), \"14M\": \(run), \"OLMo-7B\": \(run)}")
    #expect(curves.map(\.run) == ["14M", "144M", "OLMo-7B"])
    #expect(curves.allSatisfy { $0.isPrepared && $0.steps == [10, 20, 20] && $0.notes.isEmpty })
  }

  @Test func `What is wrong with rows is noted with the line`() throws {
    let curve = try read("step,loss\n1,4\n2,nan\n3,x\n4,-1\n5,\n6,inf\n7.5,3\n8,3,9\n9,3\n9,2.5\n")[0]
    #expect(curve.steps == [1, 9])
    #expect(curve.losses == [4, 2.5])
    let notes = Dictionary(uniqueKeysWithValues: curve.notes.map { ($0.kind, $0) })
    #expect(notes[.nonFinite]?.count == 2)
    #expect(notes[.nonFinite]?.places.first?.hasPrefix("line 3: nan at step 2") == true)
    #expect(notes[.unreadable]?.places.map { String($0.prefix(6)) } == ["line 4", "line 8", "line 9"])
    #expect(notes[.nonPositive]?.places == ["line 5: -1.0 at step 4"])
    #expect(notes[.missing]?.places == ["line 6: an empty cell"])
    #expect(notes[.duplicate]?.places == ["line 11: step 9"])
  }

  @Test func `Line numbers count the lines inside quotes and the comments`() throws {
    let curve = try read("# x, \"y\nstep,loss,note\n1,4,\"a\nb \"\"c\"\"\"\n2,nan,\n3,2,")[0]
    #expect(curve.steps == [1, 3])
    #expect(curve.notes[0].places == ["line 5: nan at step 2"])
  }

  @Test(arguments: [
    "step 1,100 | loss 2.5", "step 1'100 | loss 2.5", "step 1 100 | loss 2.5",
    "step: 1,100/500,000, loss: 2.5",
  ])
  func `Steps with separators of thousands are refused`(line: String) throws {
    let failure = #expect(throws: Failure.self) { try read("step 900 | loss 3.5\n\(line)\n") }
    #expect(failure?.headline.contains("line 2: the step 1 has more digits behind it") == true)
  }

  @Test func `Lists of numbers behind a step are no separators of thousands`() throws {
    let curve = try read("step 1, 100 tokens, loss 3.5\nstep 2 200 tokens, loss 3.25\nstep 3,4000 loss 3\n")[
      0]
    #expect(curve.steps == [1, 2, 3] && curve.notes.isEmpty)
  }

  @Test(arguments: ["1.2K", "1_200", "2M"])
  func `Lines whose step is no whole number are told of`(step: String) throws {
    let curve = try read("step=1 loss=3.5\nstep=2 loss=3.25\nstep=\(step) loss=3\n")[0]
    #expect(curve.steps == [1, 2])
    #expect(curve.notes.map(\.kind) == [.unreadable])
    #expect(curve.notes.first?.places == ["line 3: the step '\(step)' is no whole number"])
  }

  @Test func `From where a restart begins, the later points count`() throws {
    var rows = (1...30).map { "\($0),1.\(100 + $0)" }
    rows += (21...25).map { "\($0),1.\(200 + $0)" }
    rows += (24...40).map { "\($0),1.\(300 + $0)" }
    let curve = try read("step,loss\n" + rows.joined(separator: "\n"))[0]
    #expect(curve.steps == Array(1...40))
    #expect(curve.losses[19] == 1.120)
    #expect(curve.losses[22] == 1.223)
    #expect(curve.losses[23] == 1.324)
    #expect(curve.losses[29] == 1.330)
    #expect(curve.notes.map(\.kind) == [.restart])
    #expect(
      curve.notes[0].places == [
        "line 32: step 21 after 30, 10 earlier points replaced",
        "line 37: step 24 after 25, 2 earlier points replaced",
      ])
  }

  @Test(arguments: [
    ("step,loss", "", ", and go no further than before"),
    ("run,step,loss", "a,", ", where 'run' changes from a to b"),
    ("epoch,step,loss", "1,", ", where 'epoch' changes from 1 to 2"),
  ])
  func `Steps that begin anew in another run or epoch are refused`(
    header: String, origin: String, reason: String
  ) throws {
    let other = origin.replacing("a", with: "b").replacing("1", with: "2")
    let steps = reason.contains("where") ? 1...50 : 1...30
    let rows = (1...30).map { "\(origin)\($0),3" } + steps.map { "\(other)\($0),2" }
    let failure = #expect(throws: Failure.self) { try read(header + "\n" + rows.joined(separator: "\n")) }
    #expect(failure?.headline.contains("line 32: the steps begin anew, with 1 after 30\(reason)") == true)
  }

  @Test func `Short epochs that each begin anew are not sorted into one`() throws {
    let lines = (1...50).flatMap { epoch in (1...8).map { "epoch: \(epoch), step: \($0), loss: 2.5\n" } }
    let failure = #expect(throws: Failure.self) { try read(lines.joined()) }
    #expect(failure?.headline.contains("line 9: the steps begin anew, with 1 after 8") == true)
  }

  @Test func `A training that failed early and was begun anew is one`() throws {
    let rows = (1...30).map { "\($0 / 20),\($0),3" } + (1...50).map { "\($0 / 20),\($0),2" }
    let curve = try read("epoch,step,loss\n" + rows.joined(separator: "\n"))[0]
    #expect(curve.steps == Array(1...50) && curve.losses.allSatisfy { $0 == 2 })
    #expect(curve.notes.map(\.kind) == [.restart])
  }

  @Test func `Rows in no order are sorted`() throws {
    let steps = (0..<50).map { ($0 * 37) % 50 + 1 }
    let curve = try read("step,loss\n" + steps.map { "\($0),\(Double($0) / 8)" }.joined(separator: "\n"))[0]
    #expect(curve.steps == Array(1...50))
    #expect(curve.losses == (1...50).map { Double($0) / 8 })
    #expect(curve.notes.map(\.kind) == [.disorder])
  }

  @Test func `Many problems of a kind are counted, and the first listed`() throws {
    let rows = (1...5000).map { "\($0),\($0 % 2 == 0 ? "nan" : "2.5")" }
    let curve = try read("step,loss\n" + rows.joined(separator: "\n"))[0]
    #expect(curve.notes.count == 1)
    #expect(curve.notes[0].count == 2500)
    #expect(curve.notes[0].places.count == CurveNote.places)
    #expect(curve.notes[0].description.hasSuffix("and 2492 more"))
  }

  @Test(arguments: [
    ("lr,_step,train/lm_loss,val_loss\n1,1,3.5,9\n1,2,3.25,9\n", "_step", "train/lm_loss"),
    ("iter 1: loss 3.5000, time 81ms\niter 2: loss 3.2500, time 79ms\n", "iter", "loss"),
    ("[{\"step\": 1, \"loss\": 3.5}, {\"step\": 2, \"loss\": 3.25}]", "step", "loss"),
    ("\"Step\",\"a - train/loss\"\n1,3.5\n2,3.25\n", "Step", "train/loss"),
  ])
  func `A curve says of which columns it was read, and keeps that`(text: String, step: String, loss: String)
    throws
  {
    let curve = try #require(try read(text).first)
    #expect(curve.columns?.step == step && curve.columns?.loss == loss)
    #expect(curve.notes.isEmpty)
    #expect(try Curve(bytes: curve.bytes) == curve)
  }

  @Test func `The loss of an evaluation is told as one`() throws {
    let curve = try read("step,val_loss\n1,3.5\n2,3.25\n")[0]
    #expect(
      curve.notes.map(\.description) == ["losses of an evaluation, and not of the training: 'val_loss'"])
    let named = try read("step,loss,eval/loss\n1,3.5,4\n2,3.25,4\n", CurveImport(loss: "eval/loss"))[0]
    #expect(named.notes.map(\.kind) == [.evaluation])
    let log = try read("step 1: train loss 3.5, val loss 4\n", CurveImport(loss: "val loss"))[0]
    #expect(log.notes.map(\.kind) == [.evaluation])
  }

  @Test func `Losses that are too large for any vocabulary are refused unless they are asked for by name`()
    throws
  {
    let text = "step,loss\n" + (0..<40).map { "\($0 + 1),\(4950 - 100 * $0)\n" }.joined()
    let error = #expect(throws: Failure.self) { try read(text) }
    #expect(error?.code == .columns)
    #expect(
      error?.headline == "dir/loss.csv: what is called 'loss' is too large for losses in nats a token: "
        + "the first is 4950.0, at step 1, and the median 2950.0")
    #expect(try read(text, CurveImport(loss: "loss"))[0].notes.map(\.kind) == [.large])
    // As of weights that were badly chosen, from which a training recovers.
    let bad = try read("step,loss\n1,180\n2,11\n3,9\n")[0]
    #expect(bad.losses == [180, 11, 9] && bad.notes.map(\.kind) == [.large])
    #expect(try read("step,loss\n1,45\n2,11\n3,9\n")[0].notes.isEmpty)
  }

  @Test(arguments: [
    ("step,val_loss,eval_loss\n1,2,3", "loss"), ("time,loss\n1,2", "step"),
    ("step,loss,train_loss\n1,2,3", "'train_loss'"),
    ("step,iter,loss\n1,1,2", "'iter'"), ("{\"a\": {\"b\": [1], \"loss\": [2]}}", "step"),
  ])
  func `Columns that are missing or ambiguous are an error that lists them`(text: String, part: String) {
    let error = #expect(throws: Failure.self) { try read(text) }
    #expect(error?.code == .columns)
    #expect(error?.headline.contains(part) == true)
    #expect(error?.headline.contains("the columns are") == true)
  }

  @Test func `Columns can be named`() throws {
    let text = "step,iter,loss,val\n1,10,2,5\n2,20,3,6"
    let curve = try read(text, CurveImport(step: "iter", loss: "val", run: "mine"))[0]
    #expect(curve.steps == [10, 20])
    #expect(curve.losses == [5, 6])
    #expect(curve.run == "mine")
    let error = #expect(throws: Failure.self) { try read(text, CurveImport(step: "Iter")) }
    #expect(error?.headline.contains("no column is called 'Iter'") == true)
  }

  @Test(arguments: [
    ("", "empty"), (" \n\n", "empty"), ("step,loss\n", "no row"), ("step,loss\nx,y\n", "line 2"),
    ("{\"a\": 1,}", "loss.csv:1:9"), ("[1, 2]", "step"), ("{\"run\": 3}", "neither"),
    ("\u{0}\u{1}", "not text"),
    ("{\"step\": [1, 2], \"loss\": [1]}", "one loss a step"),
    ("{\"a\": {\"smoothed_loss\": {\"x\": [], \"y\": []}}}", "no row"),
  ])
  func `A file that gives nothing is an error that says where`(text: String, part: String) {
    let error = #expect(throws: Failure.self) { try read(text) }
    #expect(error?.headline.contains(part) == true, "\(error?.headline ?? "")")
    #expect(error?.headline.hasPrefix("dir/loss.csv") == true)
  }

  @Test(arguments: [
    ("a/b/pythia-70m-1.csv.xz", "pythia-70m-1"), ("loss.JSON", "loss"), ("x.tar", "x.tar"), (".csv", ".csv"),
    ("v1.5.tsv.gz", "v1.5"),
  ])
  func `A run is called after its file`(path: String, name: String) {
    #expect(CurveImport.runName(ofFile: path) == name)
  }

  @Test func `Numbers are rounded as the standard library rounds them`() throws {
    let numbers = [
      "0.1", "11.070497512817383", "2.812286376953125", "1e-5", "123456789012345678901234567890", "4.9e-324",
      "1e22",
      "1e23", "9007199254740993", "0.30000000000000004", "1.7976931348623157e308", "00012.50", "3.", ".5",
      "5E+0",
    ]
    let rows = numbers.enumerated().map { "\($0.offset),\($0.element)" }.joined(separator: "\n")
    let curve = try read("step,loss\n" + rows)[0]
    #expect(curve.losses == numbers.map { Double($0) ?? Double($0 + "0") ?? Double("0" + $0) })
  }

  @Test func `Mutated files give a curve or an error, never a crash`() {
    for text in [
      "step,loss,\"n\"\n1,2.5e0,\"a\"\n2,nan,x\n3,1e-3,\"q\"\"\"\n",
      "{\"a\":{\"smoothed_loss\":{\"x\":[1,2],\"y\":[3,NaN]}}}",
      "{\"step\":1,\"loss\":2}\n{\"step\":2,\"loss\":\"3\"}\n",
    ] {
      let bytes = Array(text.utf8)
      for position in bytes.indices {
        for byte in [0, 0x09, 0x0A, 0x22, 0x2C, 0x2D, 0x39, 0x65, 0x7B, 0xFF] as [UInt8] {
          var mutated = bytes
          mutated[position] = byte
          for input in [mutated, Array(mutated.prefix(position))] {
            if let curves = try? CurveImport()(input, file: "x") {
              #expect(
                curves.allSatisfy { $0.losses.allSatisfy { $0.isFinite && $0 > 0 } && !$0.steps.isEmpty })
            }
          }
        }
      }
    }
  }

  @Test func `A curve reads back as it was kept, and what was changed is refused`() throws {
    let curve = Curve(
      run: "a,\"b\"\n", steps: [1, 5, 9], losses: [2.5, 0.1, 1e-7],
      notes: [CurveNote(.missing, count: 1, places: ["line 2: an empty cell"])])
    #expect(try Curve(bytes: curve.bytes) == curve)
    let text = String(decoding: curve.bytes, as: UTF8.self)
    for (old, new) in [
      ("5,0.1", "1,0.1"), ("5,0.1", "5,nan"), ("5,0.1", "5"), ("5,0.1", "5,0.1,2"), ("step,", "x,"),
      ("# ", ""),
    ] {
      let changed = Array(text.replacingOccurrences(of: old, with: new).utf8)
      #expect(throws: Failure.self) { try Curve(bytes: changed) }
    }
  }
}
