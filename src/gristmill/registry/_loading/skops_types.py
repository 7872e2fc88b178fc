"""The types that a skops file may name: those that were looked at, and no others.

skops makes an object of a type without calling it, then gives it the state that the file brings;
functions are only referred to. Nothing here starts a process, opens a file or imports what the
file names, whatever state or data it gets.
"""

from __future__ import annotations


def _names(table: str) -> frozenset[str]:
    """`module: name name ...`, a line each, as qualified names."""
    lines = (line.partition(": ") for line in table.split("\n") if line)
    return frozenset(f"{module}.{name}" for module, _, names in lines for name in names.split())


OBJECTS = _names("""
scipy.interpolate._bsplines: BSpline
sklearn._loss.link: HalfLogitLink IdentityLink Interval LogLink LogitLink MultinomialLogit
sklearn._loss.loss: AbsoluteError ExponentialLoss HalfBinomialLoss HalfGammaLoss
sklearn._loss.loss: HalfMultinomialLoss HalfPoissonLoss HalfSquaredError HuberLoss PinballLoss
sklearn.calibration: CalibratedClassifierCV _CalibratedClassifier _SigmoidCalibration
sklearn.cluster._affinity_propagation: AffinityPropagation
sklearn.cluster._agglomerative: AgglomerativeClustering FeatureAgglomeration
sklearn.cluster._bicluster: SpectralBiclustering SpectralCoclustering
sklearn.cluster._bisect_k_means: BisectingKMeans
sklearn.cluster._dbscan: DBSCAN
sklearn.cluster._hdbscan.hdbscan: HDBSCAN
sklearn.cluster._kmeans: KMeans MiniBatchKMeans
sklearn.cluster._mean_shift: MeanShift
sklearn.cluster._optics: OPTICS
sklearn.cluster._spectral: SpectralClustering
sklearn.compose._column_transformer: ColumnTransformer
sklearn.compose._target: TransformedTargetRegressor
sklearn.covariance._elliptic_envelope: EllipticEnvelope
sklearn.covariance._empirical_covariance: EmpiricalCovariance
sklearn.covariance._graph_lasso: GraphicalLasso GraphicalLassoCV
sklearn.covariance._robust_covariance: MinCovDet
sklearn.covariance._shrunk_covariance: LedoitWolf OAS ShrunkCovariance
sklearn.cross_decomposition._pls: CCA PLSCanonical PLSRegression PLSSVD
sklearn.decomposition._dict_learning: DictionaryLearning MiniBatchDictionaryLearning SparseCoder
sklearn.decomposition._factor_analysis: FactorAnalysis
sklearn.decomposition._fastica: FastICA
sklearn.decomposition._incremental_pca: IncrementalPCA
sklearn.decomposition._kernel_pca: KernelPCA
sklearn.decomposition._lda: LatentDirichletAllocation
sklearn.decomposition._nmf: MiniBatchNMF NMF
sklearn.decomposition._pca: PCA
sklearn.decomposition._sparse_pca: MiniBatchSparsePCA SparsePCA
sklearn.decomposition._truncated_svd: TruncatedSVD
sklearn.discriminant_analysis: LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis
sklearn.dummy: DummyClassifier DummyRegressor
sklearn.ensemble._bagging: BaggingClassifier BaggingRegressor
sklearn.ensemble._forest: ExtraTreesClassifier ExtraTreesRegressor RandomForestClassifier
sklearn.ensemble._forest: RandomForestRegressor RandomTreesEmbedding
sklearn.ensemble._gb: GradientBoostingClassifier GradientBoostingRegressor
sklearn.ensemble._hist_gradient_boosting.binning: _BinMapper
sklearn.ensemble._hist_gradient_boosting.gradient_boosting: HistGradientBoostingClassifier
sklearn.ensemble._hist_gradient_boosting.gradient_boosting: HistGradientBoostingRegressor
sklearn.ensemble._hist_gradient_boosting.predictor: TreePredictor
sklearn.ensemble._iforest: IsolationForest
sklearn.ensemble._stacking: StackingClassifier StackingRegressor
sklearn.ensemble._voting: VotingClassifier VotingRegressor
sklearn.ensemble._weight_boosting: AdaBoostClassifier AdaBoostRegressor
sklearn.feature_extraction._dict_vectorizer: DictVectorizer
sklearn.feature_extraction._hash: FeatureHasher
sklearn.feature_extraction.image: PatchExtractor
sklearn.feature_extraction.text: CountVectorizer HashingVectorizer TfidfTransformer
sklearn.feature_extraction.text: TfidfVectorizer
sklearn.feature_selection._from_model: SelectFromModel
sklearn.feature_selection._rfe: RFE RFECV
sklearn.feature_selection._sequential: SequentialFeatureSelector
sklearn.feature_selection._univariate_selection: GenericUnivariateSelect SelectFdr SelectFpr
sklearn.feature_selection._univariate_selection: SelectFwe SelectKBest SelectPercentile
sklearn.feature_selection._variance_threshold: VarianceThreshold
sklearn.frozen._frozen: FrozenEstimator
sklearn.gaussian_process._gpc: GaussianProcessClassifier
sklearn.gaussian_process._gpr: GaussianProcessRegressor
sklearn.gaussian_process.kernels: CompoundKernel ConstantKernel DotProduct ExpSineSquared
sklearn.gaussian_process.kernels: Exponentiation Matern PairwiseKernel Product RBF
sklearn.gaussian_process.kernels: RationalQuadratic Sum WhiteKernel
sklearn.impute._base: MissingIndicator SimpleImputer
sklearn.impute._knn: KNNImputer
sklearn.isotonic: IsotonicRegression
sklearn.kernel_approximation: AdditiveChi2Sampler Nystroem PolynomialCountSketch RBFSampler
sklearn.kernel_approximation: SkewedChi2Sampler
sklearn.kernel_ridge: KernelRidge
sklearn.linear_model._base: LinearRegression
sklearn.linear_model._bayes: ARDRegression BayesianRidge
sklearn.linear_model._coordinate_descent: ElasticNet ElasticNetCV Lasso LassoCV
sklearn.linear_model._coordinate_descent: MultiTaskElasticNet MultiTaskElasticNetCV MultiTaskLasso
sklearn.linear_model._coordinate_descent: MultiTaskLassoCV
sklearn.linear_model._glm.glm: GammaRegressor PoissonRegressor TweedieRegressor
sklearn.linear_model._huber: HuberRegressor
sklearn.linear_model._least_angle: Lars LarsCV LassoLars LassoLarsCV LassoLarsIC
sklearn.linear_model._logistic: LogisticRegression LogisticRegressionCV
sklearn.linear_model._omp: OrthogonalMatchingPursuit OrthogonalMatchingPursuitCV
sklearn.linear_model._passive_aggressive: PassiveAggressiveClassifier PassiveAggressiveRegressor
sklearn.linear_model._perceptron: Perceptron
sklearn.linear_model._quantile: QuantileRegressor
sklearn.linear_model._ransac: RANSACRegressor
sklearn.linear_model._ridge: Ridge RidgeCV RidgeClassifier RidgeClassifierCV
sklearn.linear_model._stochastic_gradient: SGDClassifier SGDOneClassSVM SGDRegressor
sklearn.linear_model._theil_sen: TheilSenRegressor
sklearn.manifold._classical_mds: ClassicalMDS
sklearn.manifold._isomap: Isomap
sklearn.manifold._locally_linear: LocallyLinearEmbedding
sklearn.manifold._mds: MDS
sklearn.manifold._spectral_embedding: SpectralEmbedding
sklearn.manifold._t_sne: TSNE
sklearn.metrics._dist_metrics: EuclideanDistance64
sklearn.metrics._scorer: _MultimetricScorer _PassthroughScorer _Scorer
sklearn.mixture._bayesian_mixture: BayesianGaussianMixture
sklearn.mixture._gaussian_mixture: GaussianMixture
sklearn.model_selection._classification_threshold: FixedThresholdClassifier
sklearn.model_selection._classification_threshold: TunedThresholdClassifierCV
sklearn.model_selection._search: GridSearchCV RandomizedSearchCV
sklearn.model_selection._split: GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut
sklearn.model_selection._split: LeavePGroupsOut LeavePOut PredefinedSplit RepeatedKFold
sklearn.model_selection._split: RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold
sklearn.model_selection._split: StratifiedKFold StratifiedShuffleSplit TimeSeriesSplit
sklearn.multiclass: OneVsOneClassifier OneVsRestClassifier OutputCodeClassifier _ConstantPredictor
sklearn.multioutput: ClassifierChain MultiOutputClassifier MultiOutputRegressor RegressorChain
sklearn.naive_bayes: BernoulliNB CategoricalNB ComplementNB GaussianNB MultinomialNB
sklearn.neighbors._ball_tree: BallTree
sklearn.neighbors._classification: KNeighborsClassifier RadiusNeighborsClassifier
sklearn.neighbors._graph: KNeighborsTransformer RadiusNeighborsTransformer
sklearn.neighbors._kd_tree: KDTree
sklearn.neighbors._kde: KernelDensity
sklearn.neighbors._lof: LocalOutlierFactor
sklearn.neighbors._nca: NeighborhoodComponentsAnalysis
sklearn.neighbors._nearest_centroid: NearestCentroid
sklearn.neighbors._regression: KNeighborsRegressor RadiusNeighborsRegressor
sklearn.neighbors._unsupervised: NearestNeighbors
sklearn.neural_network._multilayer_perceptron: MLPClassifier MLPRegressor
sklearn.neural_network._rbm: BernoulliRBM
sklearn.neural_network._stochastic_optimizers: AdamOptimizer SGDOptimizer
sklearn.pipeline: FeatureUnion Pipeline
sklearn.preprocessing._data: Binarizer KernelCenterer MaxAbsScaler MinMaxScaler Normalizer
sklearn.preprocessing._data: PowerTransformer QuantileTransformer RobustScaler StandardScaler
sklearn.preprocessing._discretization: KBinsDiscretizer
sklearn.preprocessing._encoders: OneHotEncoder OrdinalEncoder
sklearn.preprocessing._function_transformer: FunctionTransformer
sklearn.preprocessing._label: LabelBinarizer LabelEncoder MultiLabelBinarizer
sklearn.preprocessing._polynomial: PolynomialFeatures SplineTransformer
sklearn.preprocessing._target_encoder: TargetEncoder
sklearn.random_projection: GaussianRandomProjection SparseRandomProjection
sklearn.semi_supervised._label_propagation: LabelPropagation LabelSpreading
sklearn.semi_supervised._self_training: SelfTrainingClassifier
sklearn.svm._classes: LinearSVC LinearSVR NuSVC NuSVR OneClassSVM SVC SVR
sklearn.tree._classes: DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier
sklearn.tree._classes: ExtraTreeRegressor
xgboost.core: Booster
xgboost.sklearn: XGBClassifier XGBRFClassifier XGBRFRegressor XGBRanker XGBRegressor
""")

FUNCTIONS = _names("""
numpy: absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh asarray bitwise_and
numpy: bitwise_count bitwise_or bitwise_xor cbrt ceil conjugate copysign cos cosh deg2rad degrees
numpy: divide divmod equal exp exp2 expm1 fabs float_power floor floor_divide fmax fmin fmod frexp
numpy: gcd greater greater_equal heaviside hypot invert isfinite isinf isnan isnat lcm ldexp
numpy: left_shift less less_equal log log10 log1p log2 logaddexp logaddexp2 logical_and
numpy: logical_not logical_or logical_xor matmul matvec maximum mean median minimum modf multiply
numpy: negative nextafter not_equal positive power rad2deg radians reciprocal remainder
numpy: right_shift rint sign signbit sin sinh spacing sqrt square subtract tan tanh trunc vecdot
numpy: vecmat
scipy._lib.array_api_compat.numpy._aliases: asarray
scipy.special._ufuncs: cbrt entr erf erfc exp10 exp2 expit expm1 gamma gammaln log1p logit xlog1py
scipy.special._ufuncs: xlogy
scipy.special._special_ufuncs: cbrt entr erf erfc exp10 exp2 expit expm1 gamma gammaln log1p logit
scipy.special._special_ufuncs: xlog1py xlogy
sklearn.cluster._kmeans: _kmeans_single_elkan _kmeans_single_lloyd
sklearn.feature_selection._mutual_info: mutual_info_classif mutual_info_regression
sklearn.feature_selection._univariate_selection: chi2 f_classif f_regression r_regression
sklearn.metrics._classification: accuracy_score balanced_accuracy_score brier_score_loss
sklearn.metrics._classification: cohen_kappa_score d2_brier_score d2_log_loss_score f1_score
sklearn.metrics._classification: fbeta_score hamming_loss hinge_loss jaccard_score log_loss
sklearn.metrics._classification: precision_score recall_score zero_one_loss
sklearn.metrics._ranking: average_precision_score coverage_error dcg_score
sklearn.metrics._ranking: label_ranking_average_precision_score label_ranking_loss ndcg_score
sklearn.metrics._ranking: roc_auc_score top_k_accuracy_score
sklearn.metrics._regression: d2_absolute_error_score d2_pinball_score d2_tweedie_score
sklearn.metrics._regression: explained_variance_score max_error mean_absolute_error
sklearn.metrics._regression: mean_absolute_percentage_error mean_gamma_deviance mean_pinball_loss
sklearn.metrics._regression: mean_poisson_deviance mean_squared_error mean_squared_log_error
sklearn.metrics._regression: mean_tweedie_deviance median_absolute_error r2_score
sklearn.metrics._regression: root_mean_squared_error root_mean_squared_log_error
sklearn.metrics.cluster._bicluster: consensus_score
sklearn.metrics.cluster._supervised: adjusted_mutual_info_score adjusted_rand_score
sklearn.metrics.cluster._supervised: completeness_score fowlkes_mallows_score homogeneity_score
sklearn.metrics.cluster._supervised: mutual_info_score normalized_mutual_info_score rand_score
sklearn.metrics.cluster._supervised: v_measure_score
sklearn.metrics.cluster._unsupervised: calinski_harabasz_score davies_bouldin_score
sklearn.metrics.cluster._unsupervised: silhouette_score
""")

LOSSES = _names("""
sklearn._loss._loss: CyAbsoluteError CyExponentialLoss CyHalfBinomialLoss CyHalfGammaLoss
sklearn._loss._loss: CyHalfMultinomialLoss CyHalfPoissonLoss CyHalfSquaredError CyHalfTweedieLoss
sklearn._loss._loss: CyHalfTweedieLossIdentity CyHuberLoss CyPinballLoss
sklearn.linear_model._sgd_fast: EpsilonInsensitive Hinge ModifiedHuber SquaredEpsilonInsensitive
sklearn.linear_model._sgd_fast: SquaredHinge
""")

SCALARS = _names("""
numpy: bool complex128 complex64 datetime64 float16 float32 float64 int16 int32 int64 int8
numpy: longdouble longlong str_ timedelta64 uint16 uint32 uint64 uint8 ulonglong
""")
