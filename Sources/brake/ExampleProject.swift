/// What `brake init` writes.
enum ExampleProject {
  static let files = [
    (name: "brake.yaml", text: pipeline), (name: "summarise.sh", text: script),
    (name: ".gitignore", text: ignored),
  ]

  private static let pipeline = """
    # Loss curves with noise: a table of their ends, and fits with one break to each.
    #
    #   brake                    runs what is not up to date; the table is results/table.txt
    #   brake -n noise=0.05      what another noise would run, and why
    #   brake runs=14M,472M      another curve: it alone is fitted
    #   brake why table          why a stage would run
    #   brake lint               all that is wrong with this file
    #
    # 'brake operations' describes what op: can name.
    params:
      runs: [14M, 144M]          # published fits, from which the curves are made
      noise: 0.02                # standard deviation of the log loss at a step, in nats
      skip: 100                  # the transient: steps up to this one are not fitted

    stages:
      generate:
        op: curve.generate
        with: { runs: "${runs}", noise: "${noise}" }

      prepare:
        for: { run: "${runs}" }  # an instance for each: prepare[14M], prepare[144M]
        op: curve.prepare
        in: { curve: "generate.curves[${run}]" }

      fit:
        for: { run: "${runs}" }
        op: curve.fit
        in: { curve: "prepare[${run}]" }
        with: { skip: "${skip}", bootstrap: 0 }
        publish: results/        # also put here; the store keeps it under its digest

      table:
        run: sh ${in.script} ${in.curves} > ${out.table}
        in: { script: summarise.sh, curves: generate.curves }
        out: { table: table.txt }
        publish: results/

    default: [fit, table]

    """

  private static let script = #"""
    # One line for each curve, a file KEY.csv with a step and a loss in each line behind the first.
    printf '%-10s %8s %10s\n' run steps 'last loss'
    for curve in "$@"; do
      name=${curve##*/}
      awk -F, -v run="${name%.csv}" '
        NR > 1 { step = $1; loss = $2 }
        END { printf "%-10s %8d %10.4f\n", run, step, loss }
      ' "$curve"
    done

    """#

  private static let ignored = """
    /cache/
    /results/

    """
}
