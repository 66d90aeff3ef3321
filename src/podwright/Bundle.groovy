package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '5ceb2794794d439219e8e0b336eb0251f3753d2735a67568208c91085f395297'
  static final String JOBS_SUM = '760b4ea1243379e99071745dc76ea2759e651c794004db2bffae06d9a9ab2939'

  private static final long serialVersionUID = 1L
}
