package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '4002c4739e1894504492f85787024dbf68f84c61d15519e94e42acbe291fdcf5'
  static final String JOBS_SUM = 'bd1ce07ea266e130e6a2f217ccaa7fd0ae99efa2b6a29adea1a3d0d2a0defbe5'

  private static final long serialVersionUID = 1L
}
