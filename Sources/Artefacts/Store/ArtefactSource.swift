/// Another place that keeps artefacts and records as a store does.
public typealias ArtefactSource = ObjectSource & RecordSource
