/// What Slurm says of a job.
enum SlurmState: Sendable, Equatable {
  /// - Parameter reason: why it waits, in Slurm's words, such as `Resources`; empty where Slurm has not said so yet.
  case waiting(reason: String)
  /// - Parameter nodes: where.
  case running(nodes: String)
  /// - Parameter state: how, in Slurm's words, such as `TIMEOUT`.
  case ended(state: String, reason: String)

  /// - Parameters:
  ///   - state: as `squeue -O State` says it.
  ///   - reason: likewise.
  init(_ state: String, nodes: String, reason: String) {
    switch state {
    case "PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD":
      self = .waiting(reason: reason == "None" ? "" : reason)
    case "RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "RESIZING", "STAGE_OUT":
      self = .running(nodes: nodes)
    default: self = .ended(state: state, reason: reason)
    }
  }

  /// Behind the number of a job.
  var words: String {
    switch self {
    case .waiting(""): "is in the queue"
    case .waiting(let reason): "waits: \(reason)"
    case .running(let nodes): "runs on \(nodes)"
    case .ended(let state, _): "has ended: \(state)"
    }
  }

  /// Whether a job that has ended so ended through no fault of its own, so that it is tried again.
  static func isMishap(_ state: String) -> Bool {
    ["NODE_FAIL", "BOOT_FAIL", "PREEMPTED", "REVOKED"].contains(state)
  }
}
