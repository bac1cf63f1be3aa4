public import Actions

/// The operations that are built in.
public enum Operations {
  public static let all: [any Operation] = [
    CurveImportOperation(), CurveGenerateOperation(), CurvePrepareOperation(), CurveFitOperation(),
    CurveCompareOperation(), TextCorpusOperation(), TextSynthesiseOperation(), TextTokeniseOperation(),
    TextTrainTokeniserOperation(), LMTrainOperation(), LMLossesOperation(), LMInfoOperation(),
    LMImportOperation(), LMExportOperation(), LMGenerateOperation(),
    ZSLLossesOperation(), ZSLDissentOperation(), ZSLStepOperation(), ZSLDecomposeOperation(),
    ZSLGradientsOperation(), ZSLPredictionOperation(), ZSLAlignmentOperation(), WeightsSpectraOperation(),
    ZSLRankingOperation(),
  ]
}
