import Compute
import Testing

@testable import Report

@Suite struct ResultTableTests {
  @Test func `The LaTeX table rounds by the intervals`() throws {
    let table = ResultTable(runs: [try SampleRuns.run("14M")])
    #expect(
      table.latex == #"""
        % \usepackage{booktabs}
        % In brackets: the 95 % interval. Breaks: steps where the supported law changes its slope.
        % For the caption: $^{\dagger}$: $t_d$ moves with the cut of the transient, beyond its interval.
        \begin{tabular}{lrrrrrrrrrrrrl}
        \toprule
        run & $b$ & $c_0$ & $c_1$ & $\log d_1$ & $f_1$ & RSLE & $L_d$ & $t_d$ & $r_d$ & $\hat{L}_T$ & $L_T$ & breaks & verdict \\
        \midrule
        14M & $20.0\;[19.0, 21.0]$ & $0.200\;[0.190, 0.210]$ & $-0.180\;[-0.190, -0.170]$ & $8.50\;[8.40, 8.60]$ & $0.30\;[0.20, 0.40]$ & $0.0100$ & $3.654\;[3.600, 3.700]$ & $4914^{\dagger}\;[4447, 5431]$ & $0.0200\;[0.0170, 0.0230]$ & $3.553\;[3.500, 3.600]$ & $3.2500$ & 4914 & deceleration \\
        \bottomrule
        \end{tabular}

        """#)
  }

  @Test func `The Markdown table says the same`() throws {
    let table = ResultTable(runs: [try SampleRuns.run("14M")])
    #expect(
      table.markdown == """
        | run | b | c₀ | c₁ | log d₁ | f₁ | RSLE | L_d | t_d | r_d | L̂_T | L_T | breaks at | verdict |
        |:--|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|:--|
        | 14M | 20.0 [19.0, 21.0] | 0.200 [0.190, 0.210] | −0.180 [−0.190, −0.170] | 8.50 [8.40, 8.60] | 0.30 [0.20, 0.40] \
        | 0.0100 | 3.654 [3.600, 3.700] | 4914† [4447, 5431] | 0.0200 [0.0170, 0.0230] | 3.553 [3.500, 3.600] | 3.2500 \
        | 4914 | deceleration |

        [ ] 95 % interval; – not to be read without deceleration; breaks at: steps where the supported law changes its slope; † t_d \
        moves with the cut of the transient, beyond its interval.

        """)
  }

  @Test func `The CSV table has every number as it was computed`() throws {
    let run = try SampleRuns.run("14M", label: "14M, \"small\"")
    let lines = String(decoding: ResultTable(runs: [run]).csv, as: UTF8.self).split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines[1].hasPrefix("14M,\"14M, \"\"small\"\"\",deceleration,20,19,21,0.2,0.19,0.21,"))
    #expect(lines[1].hasSuffix(",110,20000,133,\(run.digest)"))
    let header = lines[0].split(separator: ",", omittingEmptySubsequences: false)
    // The quoted label has a comma of its own.
    let fields = lines[1].split(separator: ",", omittingEmptySubsequences: false)
    #expect(fields.count == header.count + 1)
    let place = try #require(header.firstIndex(of: "t_d"))
    #expect(Double(fields[place + 1]) == run.fit.curve.breakStep)
  }

  @Test func `Tables have all breaks beside t_d, and mark one that sums them up or moves with the cut`()
    throws
  {
    func table(_ hasTwoBreaks: Bool, _ cutStep: Double) throws -> ResultTable {
      ResultTable(runs: [
        SampleRuns.run(of: try SampleRuns.analysis("14M", hasTwoBreaks: hasTwoBreaks, cutStep: cutStep))
      ])
    }
    let (plain, both) = (try table(false, 5000), try table(true, 4000))
    #expect(plain.markdown.contains("| 4914 [4447, 5431] |") && !plain.markdown.contains("†"))
    #expect(
      both.markdown.contains("| 4914†‡ [4447, 5431] |")
        && both.markdown.contains("| 1181 [1100, 1300], 2384 [2000, 3000] |"))
    #expect(both.markdown.contains("‡ t_d is a summary of more than one change of slope."))
    #expect(both.latex.contains("$4914^{\\dagger\\ddagger}\\;[4447, 5431]$"))
    let other = ResultTable(runs: [
      SampleRuns.run(of: try SampleRuns.analysis("14M", hasLimit: true, cutStep: 5000))
    ])
    #expect(
      other.markdown.contains("| 4914§ [4447, 5431] |") && other.markdown.contains("| 6000 [5900, 6100] |"))
    #expect(other.markdown.contains("§ t_d is of one break alone, which is not the law that is supported."))
    #expect(other.latex.contains("$4914^{\\S}\\;[4447, 5431]$"))
    func fields(_ table: ResultTable) -> [String: String] {
      let lines = String(decoding: table.csv, as: UTF8.self).split(separator: "\n").map {
        $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      }
      return Dictionary(uniqueKeysWithValues: zip(lines[0], lines[1]))
    }
    let (one, two) = (fields(plain), fields(both))
    #expect(one["t_d_is_summary"] == "0" && one["t_d_moves_with_cut"] == "0" && one["law"] == "one break")
    #expect(two["t_d_is_summary"] == "1" && two["t_d_moves_with_cut"] == "1" && two["law"] == "two breaks")
    #expect(two["breaks"] == "1181.5 2384.25" && two["exponents"] == "0.15 0.4 0.0125")
    #expect(two["breaks_lower_95"] == "1100.5 2000.5" && two["breaks_upper_95"] == "1300.25 3000.75")
    #expect(
      two["exponents_lower_95"] == "0.14 0.35 0.01" && two["exponents_upper_95"] == "0.16 0.5 0.015"
        && one["breaks_lower_95"] == "")
    #expect(Double(two["t_d_least_by_cut"] ?? "").map { abs($0 - 4000) < 1e-6 } == true)
  }

  @Test(arguments: ["=1+1", "@sum", "-rf", "+a", "\t=1", "=HYPERLINK(\"x\",\"y\")"])
  func `No label is a formula for a spreadsheet`(label: String) throws {
    let run = try SampleRuns.run("14M", label: label)
    let csv = String(decoding: ResultTable(runs: [run]).csv, as: UTF8.self)
    let quoted = label.replacing("\"", with: "\"\"")
    #expect(csv.contains(label == quoted ? ",'\(label)," : ",\"'\(quoted)\","), "\(csv)")
    // Numbers are what they are, also below zero.
    #expect(csv.contains(",-0.18000000000000002,-0.19,-0.17,"), "\(csv)")
  }

  @Test(arguments: [Verdict.noBreak, .saturating, .warmupBreak])
  func `Without deceleration there is no break to be read`(verdict: Verdict) throws {
    let table = ResultTable(runs: [try SampleRuns.run("14M", verdict: verdict)])
    #expect(
      table.markdown.contains(
        "| – | – | – | 3.553 [3.500, 3.600] | 3.2500 | \(verdict == .saturating ? "4914" : "–") | \(verdict.words) |"
      ))
    #expect(
      table.latex.contains(
        "& -- & -- & -- & $3.553\\;[3.500, 3.600]$ & $3.2500$ & \(verdict == .saturating ? "4914" : "--") & \(verdict.words)"
      ))
    #expect(String(decoding: table.csv, as: UTF8.self).contains(",\(verdict.rawValue),"))
  }

  @Test func `Hostile names stay text in LaTeX and Markdown`() {
    #expect(
      ResultTable.latex(#"a_b\input{x}$&%#^~"#)
        == ##"a\_b\textbackslash{}input\{x\}\$\&\%\#\textasciicircum{}\textasciitilde{}"##)
    #expect(ResultTable.markdown("a|b`c`\n<img>[x](y)") == #"a\|b\`c\` \<img\>\[x\](y)"#)
  }

  @Test func `A field of CSV is quoted where it must be`() {
    var csv = CSV(["a", "b"])
    csv.add(["x,y", "line\nbreak"])
    csv.add([" space", "plain"])
    #expect(csv.text == "a,b\n\"x,y\",\"line\nbreak\"\n\" space\",plain\n")
  }
}
